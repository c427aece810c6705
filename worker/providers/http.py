"""All traffic with one account of one provider. Whatever happens ends as a value."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import orjson
from httpx_sse import EventSource, ServerSentEvent

from worker.errors import SettingsError
from worker.providers.call import Answer, Call, NoAnswer, Reply
from worker.providers.counting import operation_of, shown, status_of
from worker.providers.pace import Limit, Pace
from worker.providers.patience import PATIENCE, Patience
from worker.providers.redaction import redacted
from worker.providers.retry_after import retry_after
from worker.telemetry.instruments import PROVIDER_REQUESTS, PROVIDER_SECONDS

LONGEST_ANSWER = 16 * 1024 * 1024  # a hundred tasks with all their addresses take about 300 kB
LONGEST_STREAM = 4 * 1024 * 1024  # a day of keep-alives takes about 1 MB
PAUSE_UNNAMED = 1.0
_TOO_MANY = 429
SHORTEST_KEY = 8

# Only where no request can have left: for a paid one, any other error may hide an acceptance.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)

# Places are counted here: who is canceled just when httpcore 1.0.9 gave it one of its own takes
# it along for good, and after twenty of these no request would ever leave again.
_PLACES = 20
_KEPT = httpx.Limits(max_connections=None)
# An idle connection that the server closes at this moment looks like a lost answer.
_FRESH_EACH = httpx.Limits(max_connections=None, max_keepalive_connections=0)


class Http:
    def __init__(
        self,
        address: str,
        key: str,
        limits: Mapping[str, Limit],
        name: str,
        patience: Patience = PATIENCE,
    ) -> None:
        self.patience = patience
        self._name = name
        self._key = _sendable(key).encode()
        self._paces = {name: Pace(limit) for name, limit in limits.items()}
        self._polls = _client(address, key, _KEPT)
        self._paid = _client(address, key, _FRESH_EACH)
        self._places = {paid: asyncio.Semaphore(_PLACES) for paid in (False, True)}
        self._new_client = partial(_client, address, key)
        self._streams: set[httpx.AsyncClient] = set()
        self.closed = False

    async def exchange(self, call: Call) -> Reply:
        async with self._turn_and_place(call) as may_leave:
            if not may_leave:
                self._count(operation_of(call), "no_turn")
                return NoAnswer(sent=False, reason="no turn among the account's requests in time")
            with PROVIDER_SECONDS.labels(self._name, operation_of(call)).time():
                reply = await self._carry_out(call)
        self._count(operation_of(call), status_of(reply))
        self._heed(call, reply)
        return reply

    async def events(self, call: Call) -> AsyncGenerator[ServerSentEvent, None]:
        """Ends when the stream does, in whatever way: what counts is what had come until then."""
        if not await self._turn(call) or self.closed:
            return
        try:
            async with AsyncExitStack() as held:
                async with asyncio.timeout(self.patience.overall(self.patience.stream_silence)):
                    source = await held.enter_async_context(self._stream(call))
                events = await held.enter_async_context(aclosing(source.aiter_sse()))
                while event := await self._next(events):
                    yield event
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            return

    def _count(self, operation: str, status: str) -> None:
        PROVIDER_REQUESTS.labels(self._name, operation, status).inc()

    def pause(self, pace: str, seconds: float | None) -> None:
        """The provider named its rate: everything of that rate waits."""
        if pace in self._paces:
            self._paces[pace].pause(seconds or PAUSE_UNNAMED)

    async def close(self) -> None:
        self.closed = True
        for client in (self._polls, self._paid, *self._streams):
            await client.aclose()

    async def _next(self, events: AsyncGenerator[ServerSentEvent, None]) -> ServerSentEvent | None:
        async with asyncio.timeout(self.patience.stream_silence):
            return await anext(events, None)

    @asynccontextmanager
    async def _turn_and_place(self, call: Call) -> AsyncIterator[bool]:
        """By the wall's clock too: a process that was frozen meanwhile must not send any more."""
        asked_at = time.time()
        places = self._places[call.paid]
        if not await self._turn(call) or not await within(self.patience.place, places.acquire()):
            yield False
            return
        try:
            waited = time.time() - asked_at
            yield not self.closed and waited < self._longest_turn(call) + self.patience.place + 1
        finally:
            places.release()

    async def _turn(self, call: Call) -> bool:
        pace = self._paces.get(call.pace)
        return pace is None or await within(self._longest_turn(call), pace.turn(urgent=call.urgent))

    def _longest_turn(self, call: Call) -> float:
        return self.patience.paid_turn if call.paid else self.patience.turn

    async def _carry_out(self, call: Call) -> Reply:
        answer = self._answer_time(call)
        try:
            async with asyncio.timeout(self.patience.overall(answer)):
                return await self._send(call, answer)
        except _NEVER_SENT as error:
            return NoAnswer(sent=False, reason=_named(error))
        except (httpx.HTTPError, TimeoutError) as error:
            return NoAnswer(sent=True, reason=_named(error))

    def _answer_time(self, call: Call) -> float:
        if call.file:
            return self.patience.upload
        return self.patience.paid_answer if call.paid else self.patience.answer

    async def _send(self, call: Call, answer: float) -> Reply:
        client = self._paid if call.paid else self._polls
        timeout = self.patience.phases(answer)
        async with client.stream(
            call.method, call.path, params=_query(call), timeout=timeout, **_content(call)
        ) as response:
            body = await _read(response)
        if body is None:
            return NoAnswer(sent=True, reason=f"answer longer than {LONGEST_ANSWER} bytes")
        return Answer(response.status_code, _lowered(response), self._without_key(body))

    def _without_key(self, body: bytes) -> bytes:
        return body.replace(self._key, b"...") if len(self._key) >= SHORTEST_KEY else body

    def _heed(self, call: Call, reply: Reply) -> None:
        """429 to what buys nothing is the rate. A paid one may mean a slot: the mapping tells."""
        if isinstance(reply, Answer) and reply.status == _TOO_MANY and not call.paid:
            self.pause(call.pace, retry_after(reply.headers))

    @asynccontextmanager
    async def _stream(self, call: Call) -> AsyncIterator[EventSource]:
        timeout = self.patience.phases(self.patience.stream_silence)
        headers = {"accept": "text/event-stream", "cache-control": "no-store"}
        async with (
            asyncio.timeout(self.patience.stream_silence) as opening,
            self._client_of_its_own() as client,
            client.stream(
                call.method, call.path, params=_query(call), headers=headers, timeout=timeout
            ) as response,
        ):
            opening.reschedule(None)
            self._count("stream", shown(response.status_code))
            if response.status_code == _TOO_MANY:
                self.pause(call.pace, retry_after(response.headers))
            response.raise_for_status()
            response.headers.pop("content-encoding", None)  # not asked for: a bomb stays packed
            response.encoding = "utf-8"  # whatever it says: some names of charsets unpack, too
            response.stream = _Capped(response.stream)
            yield EventSource(response)

    @asynccontextmanager
    async def _client_of_its_own(self) -> AsyncIterator[httpx.AsyncClient]:
        """A pool looks at all of its connections whenever one is opened or closed."""
        async with self._new_client(_FRESH_EACH) as client:
            self._streams.add(client)
            try:
                yield client
            finally:
                self._streams.discard(client)


class _Capped(httpx.AsyncByteStream):
    """Ends a stream that never stops; an honest one is opened again."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LONGEST_STREAM
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                return
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def within(seconds: float, waiting: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return False
    return True


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # takes 20 ms and megabytes: one for all


def _client(address: str, key: str, limits: httpx.Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=address.rstrip("/"),
        headers={
            "authorization": f"Bearer {key}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "meshqueue",
        },
        limits=limits,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # nothing here is a browser
        verify=_tls(),
        follow_redirects=False,  # the key is for this host alone
    )


def _sendable(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            "a provider's API key is empty or holds a blank, a line break or a letter that no key "
            "has. Copy it again from the provider's dashboard."
        )
    return key


async def _read(response: httpx.Response) -> bytes | None:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            return None
    return bytes(body)


def _query(call: Call) -> dict[str, str] | None:
    return dict(call.query) or None


def _content(call: Call) -> dict[str, Any]:
    if call.file:
        return {"files": {"file": (call.file.name, call.file.data, call.file.content_type)}}
    if call.body is None:
        return {}
    return {"content": orjson.dumps(call.body), "headers": {"content-type": "application/json"}}


def _lowered(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _named(error: Exception) -> str:
    return redacted(f"{type(error).__name__}: {error}".rstrip(": "), 300)
