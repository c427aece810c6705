"""Starting and stopping it, and looking into it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.support.database import Database
from tests.support.storage_server.caller import SECRET_KEY
from tests.support.storage_server.faults import Fault, Faults, Operation
from tests.support.storage_server.objects import Objects
from tests.support.storage_server.refusal import Refusal, wrapped
from tests.support.storage_server.resumable import Resumable
from tests.support.storage_server.rows import Rows
from worker.simulator.wire import Connection

__all__ = ["SECRET_KEY", "StorageServer", "storage_server"]

STORED = "select name, version from storage.objects where bucket_id = %s order by name"


@dataclass(frozen=True)
class StorageServer:
    url: str
    db: Database
    faults: Faults
    folder: Path

    def script(self, operation: Operation, *faults: Fault | None) -> None:
        self.faults.script(operation, *faults)

    def stored(self, bucket: str) -> dict[str, bytes]:
        """Every object's bytes by its key."""
        return {key: file.read_bytes() for key, file in self._files(bucket)}

    def sizes(self, bucket: str) -> dict[str, int]:
        """Every object's length by its key."""
        return {key: file.stat().st_size for key, file in self._files(bucket)}

    def _files(self, bucket: str) -> Iterator[tuple[str, Path]]:
        for row in self.db.admin.rows(STORED, bucket):
            yield row["name"], self.folder / row["version"]


@contextmanager
def storage_server(db: Database, folder: Path) -> Iterator[StorageServer]:
    objects = Objects(Rows(db), folder)
    resumable = Resumable(objects)
    routes = [*resumable.routes(), *objects.routes()]
    app = Starlette(
        routes=[Mount("/storage/v1", routes=routes)], exception_handlers={Refusal: wrapped}
    )
    faults = Faults(app)
    faults.forget_uploads = resumable.uploads.clear
    with serving(faults) as url:
        yield StorageServer(url, db, faults, folder)


@contextmanager
def serving(app: Faults) -> Iterator[str]:
    config = uvicorn.Config(
        app, port=0, http=Connection, lifespan="off", log_level="critical", access_log=False
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=[serve(server, started)])
    thread.start()
    try:
        assert started.wait(10)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


async def serve(server: uvicorn.Server, started: threading.Event) -> None:
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():
        await asyncio.sleep(0)
    started.set()
    await task
