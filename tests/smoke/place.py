"""A whole project, its user, and the command in a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from tests.clients.front import Front
from tests.delivery.house import House
from tests.smoke.auth import PREFIX, Auth
from tests.support.cache import CHECKOUT
from tests.support.project import token
from tests.support.storage_server import SECRET_KEY

EMAIL = "me@example.com"


@dataclass
class WholeFront(Front):
    auth: Auth | None = None

    async def pass_on(self, request: Request) -> Response:
        request = exchanged(request)
        if not request.url.path.startswith(PREFIX):
            return await super().pass_on(request)
        assert self.auth is not None
        self.seen.append(request.url.path)
        return await self.auth.answer(request)


def exchanged(request: Request) -> Request:
    """As the gateway does it: a secret key that stands for nobody else becomes the service role."""
    key, role = f"Bearer {SECRET_KEY}".encode(), f"Bearer {token('service_role')}".encode()
    headers = [(name, role if value == key else value) for name, value in request.headers.raw]
    return Request({**request.scope, "headers": headers}, request.receive)


@dataclass
class Told:
    code: int
    lines: list[str]
    error: str

    def says(self, what: str) -> list[str]:
        """The texts beside this word."""
        return [line.split(maxsplit=1)[1] for line in self.lines if line.startswith(f"{what} ")]


@dataclass
class Walker:
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def until(self, words: str) -> None:
        assert self.process.stdout is not None
        while words not in (self.lines[-1] if self.lines else ""):
            line = await self.process.stdout.readline()
            assert line, "\n".join(self.lines)
            self.lines.append(line.decode().rstrip())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    async def end(self) -> Told:
        out, err = await self.process.communicate()
        self.lines += out.decode().splitlines()
        assert self.process.returncode is not None
        return Told(self.process.returncode, self.lines, err.decode())


@dataclass(frozen=True)
class Place:
    house: House
    front: WholeFront
    auth: Auth
    folder: Path

    def environment(self, **changed: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        project = {
            "SUPABASE_URL": self.front.url,
            "SUPABASE_SERVICE_ROLE_KEY": token("service_role"),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        }
        return {**kept, **project, **changed}

    @asynccontextmanager
    async def walking(self, *arguments: str, **changed: str) -> AsyncIterator[Walker]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker", "smoke", *(arguments or (EMAIL,))),
            cwd=self.folder,
            env=self.environment(**changed),
            stdout=pipe,
            stderr=pipe,
        )
        try:
            yield Walker(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def walk(self, *arguments: str, **changed: str) -> Told:
        async with self.walking(*arguments, **changed) as walker:
            return await walker.end()
