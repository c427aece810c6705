"""Small models travel to the storage as large ones do: in pieces, of fewer bytes than 6 MiB."""

from collections.abc import Callable

from tests.support.storage_server import resumable
from worker.storage.supabase import resumable as upload
from worker.storage.supabase import storage

Replace = Callable[[object, str, int], None]


def travel_in_pieces(of: int, replace: Replace = setattr) -> None:
    replace(storage, "LARGEST_PLAIN", of)
    replace(upload, "CHUNK", of)
    replace(resumable, "CHUNK", of)
