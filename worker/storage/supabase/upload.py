"""The upload in one request, by the client's own means."""

from dataclasses import dataclass
from pathlib import Path

from storage3.types import FileOptions

from worker.storage.outcome import Put
from worker.storage.supabase.answer import answered
from worker.storage.supabase.connection import Connection
from worker.storage.supabase.patience import Patience
from worker.storage.supabase.wrong import Wrong

ONE_YEAR = "31536000"  # s: what lies under a key never changes


@dataclass(frozen=True, slots=True)
class Order:
    """One file and where it is to lie."""

    bucket: str
    key: str
    path: Path
    size: int
    content_type: str


async def upload_plainly(connection: Connection, order: Order, patience: Patience) -> Put | Wrong:
    """The client reads the open file in pieces of 64 KiB; it never holds the whole."""
    options: FileOptions = {
        "content-type": order.content_type,
        "cache-control": ONE_YEAR,
        "upsert": "false",
    }
    with order.path.open("rb") as file:
        bucket = connection.client.from_(order.bucket)
        call = bucket.upload(order.key, file, options)
        answer = await answered(call, patience.overall(order.size))
    return answer if isinstance(answer, Wrong) else Put(created=True)
