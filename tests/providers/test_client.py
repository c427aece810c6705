"""The client's verdicts on paid requests, and what it uploads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.providers.orders import FRONT, GENERATE, PREVIEW
from tests.providers.raw import RawProvider, Request, Script, Wire, raw_provider
from tests.providers.waits import since
from worker.providers import PROVIDERS, open_provider
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Order, Task
from worker.providers.outcome import Accepted, Ready, Rejected, Unknown, Unseen
from worker.providers.patience import Patience
from worker.providers.protocol import Provider

KEY = "msy_a_key_of_some_length"
HASTE = Patience(connect=0.5, place=0.5, write=0.5, answer=0.2, paid_answer=0.2, upload=0.5)
TASK_ID = "018a210d-8ba4-705c-b111-1f1776f7f578"


@asynccontextmanager
async def provided(
    script: Script, name: str = "MESHY"
) -> AsyncIterator[tuple[Provider, RawProvider]]:
    async with raw_provider(script) as raw:
        provider = open_provider(name, KEY, address=raw.url, patience=HASTE)
        try:
            yield provider, raw
        finally:
            await provider.close()


async def submitted(
    script: Script, name: str, order: Order = PREVIEW
) -> tuple[Accepted | Rejected | Unknown, RawProvider]:
    async with provided(script, name) as (provider, raw):
        ready = await provider.prepare(order)
        assert isinstance(ready, Ready)
        return await provider.submit(ready.step), raw


def saying(status: int, body: Any) -> Script:
    async def script(_: Request, wire: Wire) -> None:
        await wire.answer(status, body)

    return script


ACCEPTANCE = {
    "MESHY": {"result": TASK_ID},
    "TRIPO": {"code": 0, "data": {"task_id": TASK_ID}},
}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_accepted(name: str) -> None:
    """The task's id and where to look it up."""
    outcome, raw = await submitted(saying(200, ACCEPTANCE[name]), name)
    assert isinstance(outcome, Accepted)
    assert outcome.task.id == TASK_ID
    assert len(raw.requests) == 1


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    "status", [200, 202, 204, 301, 302, 303, 307, 408, 499, 500, 502, 503, 504]
)
async def test_what_may_have_been_bought_is_unknown(name: str, status: int) -> None:
    """A success without an id, a redirect, a server's error: sent once, and not called refused."""
    outcome, raw = await submitted(saying(status, {"message": "?"}), name)
    assert isinstance(outcome, Unknown)
    assert outcome.failure.next is Next.RECONCILE
    assert len(raw.requests) == 1


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 422, 429])
async def test_refusal_is_certain(name: str, status: int) -> None:
    """A 4xx says that nothing was bought."""
    outcome, _ = await submitted(saying(status, {"message": "no"}), name)
    assert isinstance(outcome, Rejected)
    assert outcome.failure.next is not Next.RECONCILE


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_page_with_a_403_says_nothing_of_the_key(name: str) -> None:
    """A firewall's, about one request: all of a provider is not paused for it."""
    page = saying(403, b"<html>Attention required!</html>")
    outcome, _ = await submitted(page, name)
    assert isinstance(outcome, Rejected)
    async with provided(page, name) as (provider, _):
        state = await provider.look(Task("text-to-3d", TASK_ID))
    assert isinstance(state, Unseen)
    assert {outcome.failure.next, state.failure.next} == {Next.WAIT}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_lost_answer_is_unknown(name: str) -> None:
    """The connection died after the request had left."""

    async def script(_: Request, wire: Wire) -> None:
        wire.cut()

    outcome, raw = await submitted(script, name)
    assert isinstance(outcome, Unknown)
    assert outcome.failure.kind is Kind.SUBMISSION_UNKNOWN
    assert len(raw.requests) == 1


@pytest.mark.parametrize("name", PROVIDERS)
async def test_nothing_left_this_machine(name: str) -> None:
    """A connection that can't be opened is a refusal that waits."""
    async with raw_provider(saying(200, {})) as raw:
        url = raw.url
    provider = open_provider(name, KEY, address=url, patience=HASTE)
    ready = await provider.prepare(PREVIEW)
    assert isinstance(ready, Ready)
    outcome = await provider.submit(ready.step)
    await provider.close()
    assert isinstance(outcome, Rejected)
    assert outcome.failure.next is Next.WAIT


async def test_pictures_are_uploaded_once() -> None:
    """Preparing again, after a wait for a slot, does not upload again."""
    async with provided(saying(200, {"code": 0, "data": {"file_token": "file_1"}}), "TRIPO") as (
        provider,
        raw,
    ):
        first = await provider.prepare(GENERATE)
        assert await provider.prepare(GENERATE) == first
        assert raw.paths("POST") == ["/v3/files"]
        await provider.prepare(replace(GENERATE, pictures=(replace(FRONT, data=b"other"),)))
        assert len(raw.requests) == 2


async def test_unreadable_upload_is_not_remembered() -> None:
    """The next attempt uploads anew."""
    async with provided(saying(200, {"code": 0}), "TRIPO") as (provider, raw):
        for uploads in (1, 2):
            assert isinstance(await provider.prepare(GENERATE), Failure)
            assert len(raw.requests) == uploads


@pytest.mark.parametrize("name", PROVIDERS)
async def test_asking_is_answered_by_values(name: str) -> None:
    """Search, balance and cancel fail as values."""

    async def script(_: Request, wire: Wire) -> None:
        wire.cut()

    async with provided(script, name) as (provider, _):
        ready = await provider.prepare(PREVIEW)
        assert isinstance(ready, Ready)
        assert isinstance(await provider.search(ready.step, datetime.now(UTC)), Failure)
        assert isinstance(await provider.balance(), Failure)


async def test_rate_refused_to_a_paid_request_holds_back_the_next() -> None:
    """The account's rate is one for all its requests."""

    async def script(_: Request, wire: Wire) -> None:
        await wire.answer(429, {"message": "RateLimitExceeded"}, retry_after="0.2")

    loop = asyncio.get_running_loop()
    async with provided(script) as (provider, _):
        ready = await provider.prepare(PREVIEW)
        assert isinstance(ready, Ready)
        began = loop.time()
        outcome = await provider.submit(ready.step)
        assert isinstance(outcome, Rejected)
        assert outcome.failure.retry_after == 0.2
        await provider.balance()
    assert since(began) >= 0.2


async def test_no_slot_holds_back_nothing() -> None:
    """Other requests of the account go on while one waits for a slot."""

    async def script(_: Request, wire: Wire) -> None:
        await wire.answer(429, {"message": "NoMoreConcurrentTasks"}, retry_after="600")

    async with provided(script) as (provider, raw):
        ready = await provider.prepare(PREVIEW)
        assert isinstance(ready, Ready)
        outcome = await provider.submit(ready.step)
        assert isinstance(outcome, Rejected)
        assert outcome.failure.kind is Kind.NO_SLOT
        await provider.balance()
    assert len(raw.requests) == 2
