"""How an exchange ends, whatever happens on the wire."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.providers.raw import RawProvider, Request, Script, Wire, raw_provider
from tests.providers.waits import since
from worker.ending import end_tasks
from worker.errors import SettingsError
from worker.providers.call import Answer, Call, File, NoAnswer
from worker.providers.http import Http
from worker.providers.pace import Limit
from worker.providers.patience import Patience

KEY = "msy_a_key_of_some_length"
HASTE = Patience(connect=0.5, place=0.5, write=0.5, answer=0.2, paid_answer=0.2, upload=0.5)
RATE = Limit(100, 1)
NO_RATE = Limit(10_000, 1)
GET = Call("GET", "/openapi/v1/balance")
PAID = Call("POST", "/openapi/v2/text-to-3d", body={"prompt": "katana"}, paid=True)


@asynccontextmanager
async def connected(
    script: Script, rate: Limit = RATE, patience: Patience = HASTE
) -> AsyncIterator[tuple[Http, RawProvider]]:
    async with raw_provider(script) as provider:
        http = Http(provider.url, KEY, {"any": rate}, "MESHY", patience)
        try:
            yield http, provider
        finally:
            await http.close()


async def fine(_: Request, wire: Wire) -> None:
    await wire.answer(200, {"balance": 1})


async def dropped(_: Request, wire: Wire) -> None:
    wire.cut()


async def silent(_: Request, __: Wire) -> None:
    await asyncio.Event().wait()


async def test_an_answer() -> None:
    """Status, headers in small letters, body; the key and JSON were sent."""
    async with connected(fine) as (http, provider):
        reply = await http.exchange(PAID)
    assert isinstance(reply, Answer)
    assert reply.json() == {"balance": 1}
    assert reply.headers["content-type"] == "application/json"
    request = provider.requests[0]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.json() == {"prompt": "katana"}


async def test_nobody_listens() -> None:
    """A refused connection is certain: nothing was sent."""
    async with raw_provider(fine) as provider:
        url = provider.url
    http = Http(url, KEY, {}, "MESHY", HASTE)
    reply = await http.exchange(PAID)
    await http.close()
    assert isinstance(reply, NoAnswer)
    assert not reply.sent


@pytest.mark.parametrize("script", [dropped, silent])
async def test_lost_answer(script: Script) -> None:
    """A request that left may have been carried out; it was sent once."""
    async with connected(script) as (http, provider):
        reply = await http.exchange(PAID)
    assert isinstance(reply, NoAnswer)
    assert reply.sent
    assert len(provider.requests) == 1


async def test_answer_that_drips() -> None:
    """A byte now and then does not keep an exchange alive for ever."""

    async def drip(_: Request, wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            await wire.send(b"x")
            await asyncio.sleep(0.02)

    async with connected(drip) as (http, _):
        reply = await http.exchange(GET)
    assert isinstance(reply, NoAnswer)


async def test_answer_without_end() -> None:
    """Memory stays bounded."""

    async def pour(_: Request, wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await wire.send(b"x" * 1_000_000)

    async with connected(pour) as (http, _):
        reply = await http.exchange(GET)
    assert isinstance(reply, NoAnswer)
    assert "longer" in reply.reason


async def test_redirect_is_not_followed() -> None:
    """The key is for one host alone."""

    async def redirect(_: Request, wire: Wire) -> None:
        await wire.answer(307, None, location="/elsewhere")

    async with connected(redirect) as (http, provider):
        reply = await http.exchange(PAID)
    assert isinstance(reply, Answer)
    assert reply.status == 307
    assert len(provider.requests) == 1


async def test_paid_requests_never_share_a_connection() -> None:
    """An idle connection that is closed at that moment would look like a lost answer."""
    async with connected(fine) as (http, provider):
        for _ in range(3):
            await http.exchange(GET)
        assert provider.connections == 1
        for _ in range(3):
            await http.exchange(PAID)
        assert provider.connections == 4


async def test_key_that_is_echoed_is_cut_out() -> None:
    """What the provider says may be shown to an operator."""

    async def echo(request: Request, wire: Wire) -> None:
        await wire.answer(401, {"message": request.headers["authorization"]})

    async with connected(echo) as (http, _):
        reply = await http.exchange(GET)
    assert isinstance(reply, Answer)
    assert KEY.encode() not in reply.body


async def test_upload() -> None:
    """A file goes as multipart, under its name and type."""
    async with connected(fine) as (http, provider):
        call = Call("POST", "/v3/files", file=File("front.jpg", "image/jpeg", b"picture's bytes"))
        await http.exchange(call)
    request = provider.requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="front.jpg"' in request.body
    assert b"picture's bytes" in request.body


async def test_refused_rate_holds_back_what_follows() -> None:
    """`Retry-After` is obeyed by every request of that rate."""

    async def busy(_: Request, wire: Wire) -> None:
        await wire.answer(429, {"message": "RateLimitExceeded"}, retry_after="0.2")

    loop = asyncio.get_running_loop()
    async with connected(busy) as (http, _):
        began = loop.time()
        await http.exchange(GET)
        await http.exchange(GET)
    assert since(began) >= 0.2


async def test_no_turn_in_time() -> None:
    """A request that never got its turn was certainly not sent."""
    async with raw_provider(fine) as provider:
        http = Http(
            provider.url, KEY, {"any": Limit(1, 60)}, "MESHY", Patience(turn=0.05, paid_turn=0.05)
        )
        await http.exchange(GET)
        reply = await http.exchange(PAID)
        await http.close()
    assert isinstance(reply, NoAnswer)
    assert not reply.sent
    assert len(provider.requests) == 1


async def test_closed() -> None:
    """After close nothing is sent, and no connection is left."""
    async with raw_provider(fine) as provider:
        http = Http(provider.url, KEY, {}, "MESHY", HASTE)
        await http.exchange(GET)
        await http.close()
        reply = await http.exchange(GET)
        assert isinstance(reply, NoAnswer)
        assert len(provider.requests) == 1


@pytest.mark.parametrize("call", [GET, PAID])
async def test_canceled_callers_leave_their_places(call: Call) -> None:
    """Also whoever is canceled at the very moment when it got one: all can be used afterwards."""
    together = 20
    under_way = 0
    crowded = asyncio.Event()

    async def answers_a_crowd(_: Request, wire: Wire) -> None:
        nonlocal under_way
        under_way += 1
        if under_way == together:
            crowded.set()
        await crowded.wait()
        await wire.answer(200, {})

    async with connected(fine, NO_RATE, Patience()) as (http, provider):
        for moment in range(20):
            callers = [asyncio.create_task(http.exchange(call)) for _ in range(2 * together)]
            await callers[0]
            for _ in range(moment):
                await asyncio.sleep(0)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
        provider.script = answers_a_crowd
        replies = await asyncio.gather(*(http.exchange(call) for _ in range(together)))
    assert [isinstance(reply, Answer) for reply in replies] == [True] * together


async def test_no_place_in_time() -> None:
    """A request that found no place among those under way was certainly not sent."""
    async with raw_provider(silent) as provider:
        http = Http(provider.url, KEY, {}, "MESHY", Patience(place=0.1))
        first = [asyncio.create_task(http.exchange(GET)) for _ in range(20)]
        reply = await asyncio.create_task(http.exchange(GET))  # after all of these
        await end_tasks(first)
        await http.close()
    assert isinstance(reply, NoAnswer)
    assert not reply.sent
    assert len(provider.requests) <= 20


TOO_LATE = NoAnswer(sent=False, reason="no turn among the account's requests in time")


async def test_closed_while_it_waits_for_a_place() -> None:
    """What had not left by then does not leave any more, and says so."""
    async with crowded() as (http, provider, _, last):
        await http.close()
        assert await last == TOO_LATE
    assert len(provider.requests) == 20


async def test_frozen_while_it_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may have given it up meanwhile: an hour later a paid request must not leave."""
    async with crowded() as (_, provider, first, last):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        await end_tasks(first[:1])
        assert await last == TOO_LATE
    assert len(provider.requests) == 20


Asked = asyncio.Task[Answer | NoAnswer]


@asynccontextmanager
async def crowded() -> AsyncIterator[tuple[Http, RawProvider, list[Asked], Asked]]:
    """As many paid requests under way as there may be, and one that waits for a place."""
    async with raw_provider(silent) as provider:
        http = Http(provider.url, KEY, {}, "MESHY", Patience())
        first = [asyncio.create_task(http.exchange(PAID)) for _ in range(20)]
        last = asyncio.create_task(http.exchange(PAID))
        while len(provider.requests) < 20:
            await asyncio.sleep(0.01)
        yield http, provider, first, last
        await end_tasks(first)
        await http.close()


async def test_cookies_are_not_kept() -> None:
    """Nothing here is a browser."""

    async def sweet(_: Request, wire: Wire) -> None:
        await wire.answer(200, {}, set_cookie="a=b")

    async with connected(sweet) as (http, provider):
        await http.exchange(GET)
        await http.exchange(GET)
    assert "cookie" not in provider.requests[1].headers


@pytest.mark.parametrize("key", ["", "msy a", "msy_a\nx: y", "msy_ü"])
def test_key_that_cannot_be_sent(key: str) -> None:
    """The operator is told, instead of every request failing."""
    with pytest.raises(SettingsError, match="API key"):
        Http("http://127.0.0.1:1", key, {}, "MESHY")
