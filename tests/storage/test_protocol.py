"""Both storages are called alike."""

import inspect

import pytest

from worker.storage.folder import FolderStorage
from worker.storage.protocol import Storage
from worker.storage.supabase import SupabaseStorage

STORAGES: tuple[type[Storage], ...] = (FolderStorage, SupabaseStorage)
CALLS = [name for name in vars(Storage) if not name.startswith("_")]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("storage", STORAGES)
def test_every_call_is_there(storage: type[Storage], call: str) -> None:
    """With the same parameters and outcomes, and awaited or not as the protocol says."""
    ours, promised = getattr(storage, call), getattr(Storage, call)
    assert inspect.signature(ours) == inspect.signature(promised)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(promised)
