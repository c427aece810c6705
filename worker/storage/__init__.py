"""Where files are kept: one protocol, one file an implementation."""
