"""How the operator's commands show what they found: tables, words, JSON."""
