"""GET and HEAD of what lies in the folder, under the addresses that Supabase Storage gives."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worker.storage.address import ROOT
from worker.storage.content_type import content_type_of
from worker.storage.folder import FolderStorage
from worker.storage.outcome import Missing

PUBLIC_BUCKET = "templates"
ONE_YEAR = "max-age=31536000, immutable"
HEADERS = {
    "x-content-type-options": "nosniff",
    "access-control-allow-origin": "*",  # as hosted: an app's page lies elsewhere
}


class Files:
    def __init__(self, storage: FolderStorage) -> None:
        self._storage = storage

    def routes(self) -> list[BaseRoute]:
        return [
            Route(f"{ROOT}/sign/{{bucket}}/{{key:path}}", self.signed),
            Route(f"{ROOT}/public/{PUBLIC_BUCKET}/{{key:path}}", self.public),
        ]

    async def signed(self, request: Request) -> Response:
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        token = request.query_params.get("token", "")
        if not await asyncio.to_thread(self._opens, token, bucket, key):
            return refusal("400", "InvalidJWT", "the token is forged or has expired")
        return await self._answer(bucket, key, f"private, {ONE_YEAR}")

    async def public(self, request: Request) -> Response:
        return await self._answer(PUBLIC_BUCKET, request.path_params["key"], f"public, {ONE_YEAR}")

    def _opens(self, token: str, bucket: str, key: str) -> bool:
        return self._storage.signer.opens(token, bucket, key)

    async def _answer(self, bucket: str, key: str, kept: str) -> Response:
        match await asyncio.to_thread(self._storage.find, bucket, key):
            case Missing():
                return refusal("404", "not_found", "Object not found")
            case Path() as path:
                headers = {**HEADERS, "cache-control": kept}
                return FileResponse(path, headers=headers, media_type=content_type_of(key))


def refusal(status: str, error: str, message: str) -> Response:
    """As Storage answers: HTTP 400, and the real status in the body."""
    body = {"statusCode": status, "error": error, "message": message}
    return JSONResponse(body, 400, headers={**HEADERS, "cache-control": "no-store"})
