"""Objects: their rows decide, their bytes follow."""

import shutil
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from tests.support.postgrest import SECRET
from tests.support.storage_server.caller import SUPERUSER, Caller, caller_of, opened
from tests.support.storage_server.limits import check_key, check_size, check_type
from tests.support.storage_server.refusal import BAD_SIGNATURE, NO_BUCKET
from tests.support.storage_server.rows import Row, Rows

AT = "/object/{bucket}/{key:path}"


class Objects:
    def __init__(self, rows: Rows, folder: Path) -> None:
        self.rows = rows
        self.folder = folder

    def routes(self) -> list[Route]:
        return [
            Route("/bucket/{bucket}", self.bucket, methods=["GET"]),
            Route("/object/copy", self.copy, methods=["POST"]),
            Route("/object/list/{bucket}", self.list, methods=["POST"]),
            Route("/object/sign/{bucket}/{key:path}", self.sign, methods=["POST"]),
            Route("/object/sign/{bucket}/{key:path}", self.signed, methods=["GET"]),
            Route("/object/info/{bucket}/{key:path}", self.info, methods=["GET"]),
            Route("/object/public/{bucket}/{key:path}", self.public, methods=["GET"]),
            Route("/object/authenticated/{bucket}/{key:path}", self.read, methods=["GET"]),
            Route("/object/{bucket}", self.remove, methods=["DELETE"]),
            Route(AT, self.upload, methods=["POST"]),
            Route(AT, self.read, methods=["GET"]),
        ]

    async def bucket(self, request: Request) -> Response:
        caller, bucket = caller_of(request), request.path_params["bucket"]
        row = await in_thread(self.rows.seen_bucket, caller, bucket)
        return JSONResponse({"id": row["id"], "name": row["name"], "public": row["public"]})

    async def upload(self, request: Request) -> Response:
        caller, (bucket, key) = caller_of(request), address(request)
        check_key(key)
        settings = await in_thread(self.rows.bucket, bucket)
        await in_thread(self.rows.may_add, caller, bucket, key)
        version, path = self.new_file()
        metadata = await received(request, path)
        check_type(settings, metadata["mimetype"])
        check_size(settings, path.stat().st_size)
        await in_thread(self.complete, caller, bucket, key, version, metadata)
        return JSONResponse({"Key": f"{bucket}/{key}", "Id": version})

    async def read(self, request: Request) -> Response:
        return self.file(await in_thread(self.found, request))

    async def public(self, request: Request) -> Response:
        bucket, key = address(request)
        if not (await in_thread(self.rows.bucket, bucket))["public"]:
            raise NO_BUCKET
        return self.file(await in_thread(self.rows.find, SUPERUSER, bucket, key))

    async def signed(self, request: Request) -> Response:
        bucket, key = address(request)
        if opened(request.query_params["token"])["url"] != f"{bucket}/{key}":
            raise BAD_SIGNATURE
        return self.file(await in_thread(self.rows.find, SUPERUSER, bucket, key))

    async def sign(self, request: Request) -> Response:
        bucket, key = address(request)
        seconds = int((await request.json())["expiresIn"])
        await in_thread(self.rows.find, caller_of(request), bucket, key)
        claims = {"url": f"{bucket}/{key}", "exp": int(time.time()) + seconds}
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        return JSONResponse({"signedURL": f"/object/sign/{bucket}/{key}?token={token}"})

    async def info(self, request: Request) -> Response:
        row = await in_thread(self.found, request)
        metadata = row["metadata"]
        return JSONResponse(
            {
                "id": str(row["id"]),
                "name": row["name"],
                "size": metadata["size"],
                "content_type": metadata["mimetype"],
                "cache_control": metadata["cacheControl"],
            }
        )

    async def list(self, request: Request) -> Response:
        prefix = (await request.json())["prefix"].rstrip("/")
        start = f"{prefix}/" if prefix else ""
        bucket = request.path_params["bucket"]
        rows = await in_thread(self.rows.below, caller_of(request), bucket, start)
        names = {row["name"].removeprefix(start).partition("/")[0] for row in rows}
        return JSONResponse([{"name": name} for name in sorted(names)])

    async def remove(self, request: Request) -> Response:
        keys = (await request.json())["prefixes"]
        bucket = request.path_params["bucket"]
        await in_thread(self.rows.bucket, bucket)
        rows = await in_thread(self.rows.remove, caller_of(request), bucket, keys)
        for row in rows:
            (self.folder / (row["version"] or "none")).unlink(missing_ok=True)
        return JSONResponse([{"bucket_id": bucket, "name": row["name"]} for row in rows])

    async def copy(self, request: Request) -> Response:
        body, caller = await request.json(), caller_of(request)
        bucket, key = body.get("destinationBucket") or body["bucketId"], body["destinationKey"]
        check_key(key)
        row = await in_thread(self.rows.find, caller, body["bucketId"], body["sourceKey"])
        await in_thread(self.rows.bucket, bucket)
        await in_thread(self.rows.may_add, caller, bucket, key)
        version, path = self.new_file()
        await in_thread(shutil.copyfile, self.folder / row["version"], path)
        await in_thread(self.complete, caller, bucket, key, version, row["metadata"])
        return JSONResponse({"Key": f"{bucket}/{key}"})

    def found(self, request: Request) -> Row:
        """What lies in a public bucket is read without a look at the policies."""
        bucket, key = address(request)
        public = self.rows.bucket(bucket)["public"]
        return self.rows.find(SUPERUSER if public else caller_of(request), bucket, key)

    def new_file(self) -> tuple[str, Path]:
        version = str(uuid4())
        return version, self.folder / version

    def complete(
        self, caller: Caller, bucket: str, key: str, version: str, metadata: dict[str, Any]
    ) -> None:
        size = (self.folder / version).stat().st_size
        self.rows.add(caller, bucket, key, version, {**metadata, "size": size})

    def file(self, row: Row) -> Response:
        metadata = row["metadata"]
        headers = {"cache-control": metadata["cacheControl"]}
        path = self.folder / row["version"]
        return FileResponse(path, media_type=metadata["mimetype"], headers=headers)


def address(request: Request) -> tuple[str, str]:
    return request.path_params["bucket"], request.path_params["key"]


async def received(request: Request, path: Path) -> dict[str, Any]:
    """Multipart as the client sends it, or the bare bytes."""
    if not request.headers["content-type"].startswith("multipart/form-data"):
        await in_thread(path.write_bytes, await request.body())
        return metadata_of(request.headers["content-type"], request.headers["cache-control"])
    async with request.form() as form:
        file = next(part for part in form.values() if isinstance(part, UploadFile))
        with path.open("wb") as target:
            await in_thread(shutil.copyfileobj, file.file, target)
        return metadata_of(file.content_type or "", str(form["cacheControl"]))


def metadata_of(content_type: str, cache_control: str) -> dict[str, Any]:
    seconds = cache_control.removeprefix("max-age=")
    kept = f"max-age={seconds}" if seconds.isdigit() else "no-cache"
    return {"mimetype": content_type, "cacheControl": kept}
