"""TUS 1.0 as the platform serves it: pieces of 6 MiB, the last one smaller."""

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.storage_server.caller import Caller, caller_of
from tests.support.storage_server.limits import check_key, check_size, check_type
from tests.support.storage_server.objects import Objects, metadata_of
from tests.support.storage_server.refusal import Refusal

CHUNK = 6 * 1024 * 1024
GONE = Refusal(404, "", "The file for this url was not found")
CONFLICT = Refusal(409, "", "Upload-Offset conflict")
WRONG_CHUNK = Refusal(400, "", "a piece has to have 6 MiB")


@dataclass
class Upload:
    caller: Caller
    bucket: str
    key: str
    size: int
    metadata: dict[str, str]
    version: str
    path: Path

    @property
    def offset(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


class Resumable:
    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.uploads: dict[str, Upload] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/upload/resumable", self.create, methods=["POST"]),
            Route("/upload/resumable/{name}", self.look, methods=["HEAD"]),
            Route("/upload/resumable/{name}", self.append, methods=["PATCH"]),
        ]

    async def create(self, request: Request) -> Response:
        assert request.headers["tus-resumable"] == "1.0.0"
        said = metadata_in(request.headers["upload-metadata"])
        caller, bucket, key = caller_of(request), said["bucketName"], said["objectName"]
        check_key(key)
        settings = await in_thread(self.objects.rows.bucket, bucket)
        check_type(settings, said["contentType"])
        size = int(request.headers["upload-length"])
        check_size(settings, size)
        await in_thread(self.objects.rows.may_add, caller, bucket, key)
        version, path = self.objects.new_file()
        path.touch()
        metadata = metadata_of(said["contentType"], said["cacheControl"])
        name = urlsafe_b64encode(f"{bucket}/{key}/{version}".encode()).decode().rstrip("=")
        self.uploads[name] = Upload(caller, bucket, key, size, metadata, version, path)
        # The host of an inner network: a client has to know better.
        return Response(
            status_code=201,
            headers={"location": f"http://storage.internal/storage/v1/upload/resumable/{name}"},
        )

    async def look(self, request: Request) -> Response:
        upload = self.found(request)
        headers = {"upload-offset": str(upload.offset), "upload-length": str(upload.size)}
        return Response(headers={**headers, "cache-control": "no-store"})

    async def append(self, request: Request) -> Response:
        upload, caller = self.found(request), caller_of(request)
        await in_thread(self.objects.rows.may_add, caller, upload.bucket, upload.key)
        offset = int(request.headers["upload-offset"])
        if offset != upload.offset:
            raise CONFLICT
        if int(request.headers["content-length"]) != min(CHUNK, upload.size - offset):
            raise WRONG_CHUNK
        await self.take(request, upload)
        if upload.offset == upload.size:
            where = (upload.bucket, upload.key, upload.version, upload.metadata)
            await in_thread(self.objects.complete, upload.caller, *where)
        return Response(status_code=204, headers={"upload-offset": str(upload.offset)})

    async def take(self, request: Request, upload: Upload) -> None:
        """What came before a cut is kept."""
        with upload.path.open("ab") as file:
            try:
                async for piece in request.stream():
                    file.write(piece)
            except ClientDisconnect:
                pass

    def found(self, request: Request) -> Upload:
        if (upload := self.uploads.get(request.path_params["name"])) is None:
            raise GONE
        return upload


def metadata_in(header: str) -> dict[str, str]:
    pairs = (part.split(" ") for part in header.split(","))
    return {name: b64decode(value).decode() for name, value in pairs}
