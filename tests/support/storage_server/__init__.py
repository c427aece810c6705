"""Supabase's Storage API on loopback: rows and policies are real, bytes lie in a folder."""

from tests.support.storage_server.faults import Answer, Cut, Delay, Expired, Fault
from tests.support.storage_server.server import SECRET_KEY, StorageServer, storage_server

__all__ = [
    "SECRET_KEY",
    "Answer",
    "Cut",
    "Delay",
    "Expired",
    "Fault",
    "StorageServer",
    "storage_server",
]
