"""Server-sent events about one task, until it ends."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from worker.simulator.clock import Timer
from worker.simulator.fault import Fault
from worker.simulator.meshy import objects
from worker.simulator.script import Rule
from worker.simulator.task import Task
from worker.simulator.wire import connection_of, gone, start, write

if TYPE_CHECKING:
    from worker.simulator.meshy.provider import Meshy

KEEP_ALIVE_SECONDS = 10.0
HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}


def frame(event: str, payload: dict[str, Any]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(payload, separators=(',', ':'))}\n\n".encode()


def error_frame(status: int, message: str) -> bytes:
    return frame("error", {"status_code": status, "message": message})


class Failed:
    """An error that comes after the 200."""

    status_code = 200

    def __init__(self, status: int, message: str, headers: dict[str, str]) -> None:
        self._frame = error_frame(status, message)
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await start(send, 200, HEADERS | self._headers)
        await write(send, self._frame)
        await write(send, b"", last=True)


class Stream:
    status_code = 200

    def __init__(
        self, provider: "Meshy", task: Task, rule: Rule | None, headers: dict[str, str]
    ) -> None:
        self._provider = provider
        self._task = task
        self._rule = rule
        self._headers = headers
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._last = b""
        self._timer: Timer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._task.watchers.append(self._changed)
        watching = asyncio.create_task(self._until_gone(receive))
        try:
            await start(send, 200, HEADERS | self._headers)
            self._changed()
            await self._write_frames(scope, send)
        finally:
            watching.cancel()
            self._stop()

    async def _write_frames(self, scope: Scope, send: Send) -> None:
        written = 0
        while not self._is_cut(written):
            if (chunk := await self._frames.get()) is None:
                await write(send, b"", last=True)
                return
            await write(send, chunk)
            written += 1
        await self._cut(scope, send)

    def _is_cut(self, written: int) -> bool:
        cuts = (Fault.STREAM_ENDS, Fault.STREAM_HANGS, Fault.STREAM_ERROR_AFTER_200)
        if self._rule is None or self._rule.fault not in cuts:
            return False
        usual = 0 if self._rule.fault is Fault.STREAM_ERROR_AFTER_200 else 1
        return written >= int(self._rule.options.get("frames", usual))

    async def _cut(self, scope: Scope, send: Send) -> None:
        assert self._rule is not None  # noqa: S101 - only a rule cuts
        options = self._rule.options
        match self._rule.fault:
            case Fault.STREAM_ERROR_AFTER_200:
                status = int(options.get("status_code", 500))
                message = str(options.get("message", "Internal server error"))
                await write(send, error_frame(status, message))
                await write(send, b"", last=True)
            case Fault.STREAM_ENDS if options.get("clean"):
                await write(send, b"", last=True)
            case Fault.STREAM_ENDS:
                connection_of(scope).close()
                await self._frames_after_gone()
            case _:
                self._stop()
                await self._frames_after_gone()

    async def _frames_after_gone(self) -> None:
        while await self._frames.get() is not None:
            pass

    async def _until_gone(self, receive: Receive) -> None:
        await gone(receive)
        self._frames.put_nowait(None)

    def _changed(self) -> None:
        now = self._provider.clock.seconds()
        ended = self._task.ended(now)
        payload = (
            objects.whole(self._provider, self._task, now)
            if ended
            else objects.brief(self._task, now)
        )
        if (chunk := frame("message", payload)) != self._last:
            self._put(chunk)
        if ended:
            self._stop()
            self._frames.put_nowait(None)

    def _put(self, chunk: bytes) -> None:
        self._last = chunk
        self._frames.put_nowait(chunk)
        if self._timer is not None:
            self._timer.cancel()
        clock = self._provider.clock
        self._timer = clock.at(clock.seconds() + KEEP_ALIVE_SECONDS, lambda: self._put(self._last))

    def _stop(self) -> None:
        if self._changed in self._task.watchers:
            self._task.watchers.remove(self._changed)
        if self._timer is not None:
            self._timer.cancel()
