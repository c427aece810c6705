"""Files behind signed links, and all that can go wrong with a download."""

import asyncio
import re
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.simulator.book import BookedDownload
from worker.simulator.call import Call
from worker.simulator.fault import Fault
from worker.simulator.product import CONTENT_TYPES
from worker.simulator.wire import connection_of, gone, start, write

SLOW_SECONDS = 5.0
SLOW_CHUNKS = 20
ERROR_PAGE = "<html><body><h1>We will be right back</h1></body></html>"
DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>"
)
RANGE = re.compile(r"bytes=(\d+)-(\d*)")
OK, PARTIAL, FORBIDDEN, UNSATISFIABLE = 200, 206, 403, 416


class Truncated:
    """The connection ends in the middle of what Content-Length promised."""

    status_code = OK

    def __init__(self, data: bytes, content_type: str, share: float) -> None:
        self._data = data
        self._content_type = content_type
        self._sent = int(len(data) * share)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, OK, _headers(self._data, self._content_type))
        await write(send, self._data[: self._sent])
        connection_of(scope).close()
        await gone(receive)


class Slow:
    status_code = OK

    def __init__(self, data: bytes, content_type: str, seconds: float) -> None:
        self._data = data
        self._content_type = content_type
        self._pause = seconds / SLOW_CHUNKS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await start(send, OK, _headers(self._data, self._content_type))
        size = max(1, -(-len(self._data) // SLOW_CHUNKS))
        for begin in range(0, len(self._data), size):
            await write(send, self._data[begin : begin + size])
            await asyncio.sleep(self._pause)
        await write(send, b"", last=True)


async def answer_download(
    call: Call, name: str, make: Callable[[], bytes], book: Callable[[BookedDownload], None]
) -> ASGIApp:
    """`make` may take seconds, so it runs in a thread."""
    answer, size = await _answer(call, name, make)
    book(
        BookedDownload(
            at=call.booked.at,
            task_id=call.params.get("id", ""),
            name=name,
            status=getattr(answer, "status_code", 0),
            bytes=size,
            with_bearer="authorization" in call.request.headers,
            fault=call.fault,
        )
    )
    return answer


def denied(status: int = FORBIDDEN) -> Response:
    return Response(DENIED, status, media_type="application/xml")


async def _answer(call: Call, name: str, make: Callable[[], bytes]) -> tuple[ASGIApp, int]:
    if call.fault is Fault.URL_EXPIRED:
        return denied(), 0
    if call.fault is Fault.DOWNLOAD_ERROR_PAGE:
        page, status = (
            str(call.options.get("body", ERROR_PAGE)),
            int(call.options.get("status", OK)),
        )
        return Response(page, status, media_type="text/html"), 0
    data = await asyncio.to_thread(make)
    content_type = CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    match call.fault:
        case Fault.DOWNLOAD_TRUNCATED:
            return Truncated(data, content_type, float(call.options.get("share", 0.5))), len(data)
        case Fault.DOWNLOAD_SLOW:
            return Slow(data, content_type, _slowness(call)), len(data)
    return _ranged(call.request.headers.get("range"), data, content_type), len(data)


def _slowness(call: Call) -> float:
    return call.rule.seconds(SLOW_SECONDS) if call.rule else 0.0


def _ranged(asked: str | None, data: bytes, content_type: str) -> Response:
    headers = {"accept-ranges": "bytes"}
    found = RANGE.fullmatch(asked or "")
    if found is None:
        return Response(data, OK, headers, content_type)
    first, last = int(found[1]), min(int(found[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Response(b"", UNSATISFIABLE, {"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], PARTIAL, headers, content_type)


def _headers(data: bytes, content_type: str) -> dict[str, str]:
    return {"content-length": str(len(data)), "content-type": content_type}
