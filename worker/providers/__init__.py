"""The AI providers, behind one protocol. Nothing here knows the database."""
