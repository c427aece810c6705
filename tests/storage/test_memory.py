"""What an upload costs the worker's memory."""

import tracemalloc
from pathlib import Path

import pytest

from tests.storage.files import GLB, MIB, new_file, new_key
from tests.support.storage_server import Answer, StorageServer
from worker.storage.outcome import Put, Read
from worker.storage.supabase import SupabaseStorage

pytestmark = pytest.mark.newest_postgres

SIZE = 50 * MIB
MOST = 12 * MIB  # measured: 3.3, with what the server in this same process holds


@pytest.mark.parametrize("resumable", [True, False])
async def test_fifty_megabytes(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, *, resumable: bool
) -> None:
    """Are never held whole, neither on the way up nor down."""
    key, file, target = new_key(), new_file(tmp_path, SIZE), tmp_path / "read"
    if not resumable:
        platform.script("create", Answer(404, wrapped=False))
    tracemalloc.start()
    try:
        assert await supabase.put("assets", key, file, GLB) == Put(created=True)
        assert await supabase.read_to("assets", key, target, SIZE) == Read(SIZE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST
    assert target.read_bytes() == file.read_bytes()
