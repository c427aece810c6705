"""One process: starts what a worker needs, keeps it running, drains it, stops it."""
