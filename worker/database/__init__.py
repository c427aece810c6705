"""The engine's functions as typed calls. State changes there, never by a statement of our own."""
