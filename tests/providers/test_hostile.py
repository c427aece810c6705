"""What a hostile or broken provider may send: the client stays bounded and ends in a value."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from tests.providers.hostile_server import HostileServer, Line, Reaction, Received
from worker.providers import PROVIDERS, open_provider
from worker.providers.failure import Failure, Kind
from worker.providers.order import Order, Picture, Stage, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Canceled,
    Complete,
    Failed,
    Listing,
    NotStopped,
    Ready,
    Rejected,
    Succeeded,
    Unknown,
    Unseen,
    Withdrawn,
    Working,
)
from worker.providers.patience import Patience
from worker.providers.protocol import Provider

KEY = "tsk_a-key-that-must-not-leave"
TASK = "018a210d-8ba4-705c-b111-1f1776f7f578"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HASTE = Patience(
    connect=1.5,
    place=0.25,
    write=0.25,
    answer=0.25,
    paid_answer=0.25,
    upload=0.25,
    turn=1,
    stream_silence=0.25,
    reconnect_first=0.05,
    reconnect_most=0.1,
    poll_first=0.05,
    poll_most=0.1,
    poll_at_the_end=0.1,
    batch=0.05,
)
SOON = 60.0
MEGABYTE = 1_000_000

State = Working | Succeeded | Failed | Canceled | Unseen
Operation = Callable[[Provider, Step], Awaitable[object]]

# --- every request that a client makes


async def submit(provider: Provider, step: Step) -> object:
    return await provider.submit(step)


async def look(provider: Provider, step: Step) -> object:
    return await provider.look(Task(step.resource, TASK))


async def watch(provider: Provider, step: Step) -> object:
    states = provider.watch(Task(step.resource, TASK))
    try:
        return await anext(states)
    finally:
        await states.aclose()


async def cancel(provider: Provider, step: Step) -> object:
    return await provider.cancel(Task(step.resource, TASK))


async def search(provider: Provider, step: Step) -> object:
    return await provider.search(step, LONG_AGO)


async def balance(provider: Provider, _: Step) -> object:
    return await provider.balance()


async def prepare(provider: Provider, _: Step) -> object:
    return await provider.prepare(Order(Stage.GENERATE, pictures=(a_picture(),)))


ENDS: dict[Operation, object] = {
    submit: Accepted | Rejected | Unknown,
    look: State,
    watch: State,
    cancel: Withdrawn | NotStopped,
    search: Listing | Failure,
    balance: Balance | Failure,
    prepare: Ready | Complete | Failure,
}


def a_picture() -> Picture:
    buffer = BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "JPEG")
    return Picture(buffer.getvalue(), "image/jpeg")


async def a_step(provider: Provider) -> Step:
    outcome = await provider.prepare(Order(Stage.PREVIEW, prompt="a wooden chair"))
    assert isinstance(outcome, Ready)
    return outcome.step


@asynccontextmanager
async def opened(name: str, url: str, patience: Patience = HASTE) -> AsyncIterator[Provider]:
    provider = open_provider(name, KEY, address=url, patience=patience)
    try:
        yield provider
    finally:
        await provider.close()


# --- answers that nobody should have to read


def said(
    body: bytes = b"", status: str = "200 OK", *headers: str, length: int | None = None
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def says(*parts: bytes) -> Reaction:
    async def react(_: Received, line: Line) -> None:
        for part in parts:
            await line.send(part)

    return react


def repeats(head: bytes, piece: bytes, pause: float = 0.0) -> Reaction:
    async def react(_: Received, line: Line) -> None:
        await line.send(head)
        while True:
            await line.send(piece)
            await asyncio.sleep(pause)

    return react


def streams(*parts: bytes, content_type: str = "text/event-stream") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode()
    return head + b"".join(parts)


async def hangs(_: Received, line: Line) -> None:
    await line.hang()


async def resets(_: Received, line: Line) -> None:
    line.reset()


async def says_half(_: Received, line: Line) -> None:
    await line.send(said(b'{"result":', length=400))
    line.reset()


def bomb(megabytes: int) -> bytes:
    """A thousandth of what it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blocks = [packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    return blocks[0] + blocks[1] * (megabytes - 1) + packer.flush()


BOMB = bomb(5000)
DEEP = b'{"result":' * 50_000
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n"
)

ANSWERS: dict[str, Reaction] = {
    "a page with status 200": says(
        said(b"<html>Welcome</html>", "200 OK", "Content-Type: text/html")
    ),
    "a page with status 403": says(
        said(b"<html>Blocked</html>", "403 No", "Content-Type: text/html")
    ),
    "a page with status 502": says(said(b"<html>Bad gateway</html>", "502 Bad Gateway")),
    "nothing with status 200": says(said()),
    "status 204": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "status 304": says(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "status 101": says(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    ),
    "status 299": says(said(b"{}", "299 Odd")),
    "status 418": says(said(b"{}", "418 Odd")),
    "status 599": says(said(b"{}", "599 Odd")),
    "status 999": says(said(b"{}", "999 Odd")),
    "status 20": says(b"HTTP/1.1 20 Odd\r\n\r\n"),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "HTTP/2": says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a hang": hangs,
    "a reset": resets,
    "half an answer": says_half,
    "10 GB of JSON": repeats(ENDLESS, b"[" * 65536),
    "endless chunks": repeats(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
    "endless tiny chunks": repeats(CHUNKED, b"1\r\n \r\n" * 500),
    "a byte at a time": repeats(ENDLESS, b" ", 0.02),
    "endless headers": repeats(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 1000),
    "endless interim answers": repeats(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "interim answers now and then": repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.02),
    "a gzip bomb": says(said(BOMB, "200 OK", "Content-Encoding: gzip")),
    "a gzip bomb as an error": says(said(BOMB, "500 No", "Content-Encoding: gzip")),
    "a bomb in a bomb": says(said(gzip.compress(BOMB), "200 OK", "Content-Encoding: gzip, gzip")),
    "broken gzip": says(said(b"not gzip", "200 OK", "Content-Encoding: gzip")),
    "an encoding nobody knows": says(said(b"{}", "200 OK", "Content-Encoding: secret")),
    "a charset that is a packer": says(
        said(b"{}", "200 OK", "Content-Type: a/b; charset=zlib_codec")
    ),
    "two lengths": says(said(b"{}", "200 OK", "Content-Length: 7")),
    "a negative length": says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
    "length and chunks": says(
        said(b"2\r\n{}\r\n0\r\n\r\n", "200 OK", "Transfer-Encoding: chunked")
    ),
    "bytes in a header": says(b"HTTP/1.1 200 OK\r\nX-A: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}"),
    "a line within a header": says(
        b"HTTP/1.1 200 OK\r\nX-A: a\rb\x00c\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "nesting": says(said(DEEP)),
    "NaN": says(said(b'{"balance":NaN,"code":NaN,"progress":NaN,"status":"PENDING"}')),
    "infinity": says(said(b'{"balance":1e999,"code":0,"data":{"balance":-Infinity}}')),
    "a huge number": says(said(b'{"balance":' + b"9" * 5000 + b"}")),
    "no UTF-8": says(said(b'{"result":"\xff\xfe"}')),
    "half a letter": says(said(b'{"result":"\\ud800","message":"\\udfff"}')),
    "a null byte": says(said(b'{"result":"a\\u0000b","message":"a\\u0000b"}', "400 No")),
    "a byte order mark": says(said(b'\xef\xbb\xbf{"result":"x"}')),
    **{
        f"bare {text}": says(said(text.encode()))
        for text in ("null", "true", "0", '""', "[]", "{}")
    },
    **{
        f"{n} with null": says(said(b"null", f"{n} No"))
        for n in (400, 401, 402, 403, 404, 429, 500)
    },
    "a list of nulls": says(said(json.dumps([None] * 50).encode())),
    "a message of megabytes": says(said(json.dumps({"message": KEY * 100_000}).encode(), "400 No")),
    "the key in its words": says(
        said(json.dumps({"message": f"bad key {KEY}", "x": KEY}).encode(), "401 No")
    ),
    **{
        f"Retry-After {value}": says(said(b"{}", "429 Wait", f"Retry-After: {value}"))
        for value in ("nan", "inf", "-1", "1e308", "9" * 400, "Fri, 99 Foo", "0x10", "\xb2")
    },
    "a stream of nothing": repeats(streams(), b"\n\n" * 1000),
    "a stream without line ends": repeats(streams(), b"data: " + b"x" * 65536),
    "a stream of one endless event": repeats(streams(), b"data: x\n" * 5000),
    "a stream of comments": repeats(streams(), b": still here\n\n", 0.02),
    "a stream of nulls": repeats(streams(), b"event: message\ndata: null\n\n", 0.001),
    "a stream of errors": repeats(streams(), b"event: error\ndata: null\n\n", 0.001),
    "a stream of bytes": repeats(streams(), b"data: \xff\xfe\r\r\n\n" * 1000),
    "a packed stream": says(
        streams(BOMB).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
    ),
    **{
        f"a stream in {charset}": says(
            streams(b"data: {}\n\n", content_type=f"text/event-stream; charset={charset}")
        )
        for charset in ("zlib_codec", "rot13", "undefined", "idna", "utf-16", "hex", "no-such")
    },
    "a packed stream by charset": says(
        streams(
            zlib.compress(bytes(50 * MEGABYTE)),
            content_type="text/event-stream; charset=zlib_codec",
        )
    ),
}


# After these, nothing can have been bought; after all others, something may have been.
REFUSALS = {answer for answer in ANSWERS if answer.startswith("Retry-After")} | {
    "a page with status 403",
    "status 418",
    "a null byte",
    "a message of megabytes",
    "the key in its words",
    *(f"{status} with null" for status in (400, 401, 402, 403, 404, 429)),
}


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_request_ends_in_a_value(answer: str, name: str) -> None:
    """Whatever comes back, each request ends soon in a value, tells no key, and hangs up."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(HostileServer(ANSWERS[answer]))
        provider = await stack.enter_async_context(opened(name, server.url))
        step = await a_step(provider)
        async with asyncio.timeout(SOON):
            outcomes = await asyncio.gather(*(ask(provider, step) for ask in ENDS))
        await provider.close()
        await server.left_alone()

    for outcome, expected in zip(outcomes, ENDS.values(), strict=True):
        assert isinstance(outcome, expected)  # type: ignore[arg-type]  # a union
        assert KEY not in repr(outcome)
        assert len(repr(outcome)) < 200_000
    assert isinstance(outcomes[0], Rejected if answer in REFUSALS else Unknown)
    assert len([each for each in server.requests if is_paid(each)]) <= 1
    assert server.bytes_sent < 300 * MEGABYTE


def is_paid(received: Received) -> bool:
    return received.method == "POST" and b"wooden" in received.body


# --- the key stays here


REDIRECTS = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("status", REDIRECTS)
async def test_no_redirect_is_followed(status: str, name: str) -> None:
    """A redirect takes neither the key nor a paid request to another place."""
    async with AsyncExitStack() as stack:
        elsewhere = await stack.enter_async_context(HostileServer(says(said(b"{}"))))
        redirect = says(said(b"", status, f"Location: {elsewhere.url}/stolen"))
        server = await stack.enter_async_context(HostileServer(redirect))
        provider = await stack.enter_async_context(opened(name, server.url))
        step = await a_step(provider)
        outcomes = await asyncio.gather(*(ask(provider, step) for ask in ENDS))

    assert elsewhere.requests == []
    assert isinstance(outcomes[0], Unknown)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_no_cookie_is_kept(name: str) -> None:
    """A server can't mark this client, nor fill its memory with marks."""
    cookie = said(b"{}", "200 OK", "Set-Cookie: mark=1; Path=/; Max-Age=9999")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(HostileServer(says(cookie)))
        provider = await stack.enter_async_context(opened(name, server.url))
        step = await a_step(provider)
        for _ in range(2):
            await asyncio.gather(*(ask(provider, step) for ask in ENDS))

    assert not [each for each in server.requests if b"cookie" in each.head.lower()]


# --- ids

PATHS = ("", " ", ".", "..", "../balance", "a/b", "a?b", "a#b", "a%2fb", "a\\b", "a\r\nX-Y: z")
IDS: tuple[object, ...] = (
    *PATHS,
    *("a\0b", "x" * 5000, "\u202e", "\ud7ff"),
    *(7, 0, -1, True, None, [], ["a"], {}, {"id": "a"}),
)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("given", IDS, ids=repr)
async def test_an_id_that_is_none_is_not_accepted(given: object, name: str) -> None:
    """What can't be an id is no proof that the request was accepted, nor that it was not."""
    body = {"result": given, "code": 0, "status": "success", "data": {"task_id": given}}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            HostileServer(says(said(json.dumps(body).encode())))
        )
        provider = await stack.enter_async_context(opened(name, server.url))
        outcome = await provider.submit(await a_step(provider))

    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_an_id_never_leads_elsewhere(name: str) -> None:
    """Also an id that came by another way, such as a row, stays within its place in the path."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(HostileServer(says(said(b"{}"))))
        provider = await stack.enter_async_context(opened(name, server.url))
        step = await a_step(provider)
        honest = await provider.look(Task(step.resource, "id"))
        prefix = server.requests[0].path.removesuffix("id")
        for bad in ("../../x", "a/b", "a?b=c", "a#b", "a\r\nX-Y: z", "a b", "é"):
            await provider.look(Task(step.resource, bad))

    assert isinstance(honest, Unseen)
    for request in server.requests:
        assert request.path.startswith(prefix)
        assert not set(request.path.removeprefix(prefix)) & set("/?#")
        assert b"x-y:" not in request.head.lower()


# --- servers that don't even answer


@asynccontextmanager
async def listening(serve: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[str]:
    """A server that reads nothing at all."""
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001
        writers.append(writer)
        serve(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_server_that_reads_nothing_is_given_up(name: str) -> None:
    """Megabytes of pictures that nobody takes end in a value, and may have been bought."""
    async with listening(lambda _: None) as url, opened(name, url) as provider:
        step = await a_step(provider)
        big = Step(step.name, step.resource, {"image": "x" * 30 * MEGABYTE}, {})
        async with asyncio.timeout(SOON):
            outcome = await provider.submit(big)

    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_where_nobody_listens_nothing_was_bought(name: str) -> None:
    """A refused connection is certain: the request may be sent again."""
    async with HostileServer(hangs) as gone:
        url = gone.url
    async with opened(name, url) as provider:
        outcome = await provider.submit(await a_step(provider))

    assert isinstance(outcome, Rejected)
    assert outcome.failure.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize("name", PROVIDERS)
async def test_closing_ends_what_is_under_way(name: str) -> None:
    """A client that is closed while a server hangs ends every request and leaves no connection."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(HostileServer(hangs))
        patient = Patience()
        provider = await stack.enter_async_context(opened(name, server.url, patient))
        step = await a_step(provider)
        asking = [asyncio.create_task(ask(provider, step)) for ask in (submit, look, balance)]
        await server.reached(3)
        async with asyncio.timeout(SOON):
            await provider.close()
            outcomes = await asyncio.gather(*asking)
            await server.left_alone()

    assert isinstance(outcomes[0], Unknown)
    assert isinstance(outcomes[1], Unseen)
    assert isinstance(outcomes[2], Failure)


# --- streams


async def test_a_stream_of_lies_does_not_hide_the_end() -> None:
    """While a stream babbles without end, the task is asked about, and its end is seen."""
    babble = repeats(streams(), b"event: message\ndata: null\n\n", 0.001)
    done = says(said(json.dumps({"id": TASK, "status": "SUCCEEDED"}).encode()))

    async def react(received: Received, line: Line) -> None:
        await (babble if received.path.endswith("/stream") else done)(received, line)

    async with HostileServer(react) as server, opened("MESHY", server.url) as provider:
        async with asyncio.timeout(SOON):
            states = [state async for state in provider.watch(Task("text-to-3d", TASK))]

    assert isinstance(states[-1], Succeeded)
