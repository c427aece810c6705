"""A Postgres in a folder: for local runs and tests, never for production.

The bootstrap superuser is `supabase_admin`, as on Supabase, so that everything of ours
runs as `postgres` without its rights and a missing grant shows here first.
"""

from worker.embedded.binaries import Binaries, default_binaries, installed_binaries
from worker.embedded.running import DURABLE, THROW_AWAY, running, stands
from worker.embedded.server import SUPERUSER, Server

__all__ = [
    "DURABLE",
    "SUPERUSER",
    "THROW_AWAY",
    "Binaries",
    "Server",
    "default_binaries",
    "installed_binaries",
    "running",
    "stands",
]
