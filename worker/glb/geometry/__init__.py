"""Draco for every primitive that gains by it, proven by decoding before it replaces anything."""
