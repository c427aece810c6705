"""Everybody who touches the database, as rules that hypothesis plays in any order."""
