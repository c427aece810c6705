"""meshqueue: Postgres decides, this worker acts."""

__version__ = "0.1.0"
