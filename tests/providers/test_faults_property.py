"""Random scripts of several faults: a whole journey under each, checked against the book."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.providers.journey import HASTE, SIMULATED, Journey, drawn, journey
from tests.providers.orders import PREVIEW
from worker.ending import end_tasks
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Order, Stage, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Failed,
    Listing,
    NotStopped,
    Ready,
    Rejected,
    State,
    Succeeded,
    Unknown,
    Withdrawn,
)
from worker.providers.reconciliation import Absent, Adopt, Unclear, reconcile
from worker.simulator import BookedTask, Fault, Rule
from worker.simulator.fault import Operation, ProviderName, operations_of

PATIENCE = replace(HASTE, answer=0.3, upload=0.3, stream_silence=0.3, turn=3)
WATCHED_FOR = 1.5  # s of ours
TICKS_EVERY, TICK = 0.05, 30.0  # s of ours, s of the provider's
TRIES = 4

# What a client of the API meets; downloads and webhooks' receivers are others' work.
MET: frozenset[Operation] = frozenset(
    {"create", "get", "list", "stream", "cancel", "balance", "upload", "task"}
)
PICTURED = Order(Stage.GENERATE, pictures=(drawn("front"),))

SUCCEEDED = {"SUCCEEDED", "success"}
OVER = SUCCEEDED | {"FAILED", "CANCELED", "EXPIRED", "failed", "cancelled", "expired", "banned"}


@dataclass(frozen=True)
class Case:
    name: str
    script: list[Rule]
    order: Order
    seed: int
    cancels_at_once: bool


@st.composite
def rules(draw: st.DrawFn, provider: ProviderName) -> Rule:
    operation = draw(st.sampled_from(["create", "create", "list", *sorted(met(provider))]))
    possible = [fault for fault in Fault if operation in operations_of(fault, provider)]
    return Rule(
        fault=draw(st.sampled_from(possible)),
        provider=provider,
        operation=operation,
        times=draw(st.integers(1, 3)),
        after=draw(st.sampled_from([0, 0, 1, 2])),
        chance=draw(st.sampled_from([1.0, 1.0, 0.5])),
    )


def met(provider: ProviderName) -> set[Operation]:
    return {
        operation
        for operation in MET
        if any(operation in operations_of(fault, provider) for fault in Fault)
    }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    name = draw(st.sampled_from(sorted(SIMULATED)))
    return Case(
        name=name,
        script=draw(st.lists(rules(SIMULATED[name]), min_size=1, max_size=6)),
        order=draw(st.sampled_from([PREVIEW, PICTURED])),
        seed=draw(st.integers(0, 99)),
        cancels_at_once=draw(st.booleans()),
    )


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(cases())
def test_no_script_makes_a_client_lie_or_pay_twice(case: Case) -> None:
    """Under any script: what the client says is what the book says, and each submit is one POST."""
    asyncio.run(travel(case))


async def travel(case: Case) -> None:
    async with journey(case.name, seed=case.seed, speed=0, patience=PATIENCE) as trip:
        trip.simulator.script(*case.script)
        task = await bought(trip, case.order)
        if task and case.cancels_at_once:
            await check_cancel(trip, task)
        if task:
            await check_watching(trip, task)
            await check_cancel(trip, task)
        assert isinstance(await trip.provider.balance(), Balance | Failure)
        await trip.left_alone()


async def bought(trip: Journey, order: Order) -> Task | None:
    """Goes on like the pipeline: waits where nothing was bought, asks the list where it may be."""
    step = await prepared(trip, order)
    for tries in range(1, TRIES if step else 1):
        assert step
        outcome = await trip.provider.submit(step)
        event(type(outcome).__name__)
        assert trip.creates <= tries
        match outcome:
            case Accepted(task):
                assert [each.id for each in trip.book.tasks] == [task.id]
                return task
            case Unknown(failure):
                assert failure.kind is Kind.SUBMISSION_UNKNOWN
                return await found(trip, step)
            case Rejected(failure):
                assert trip.book.tasks == ()
                if failure.next is not Next.WAIT:
                    return None
    return None


async def prepared(trip: Journey, order: Order) -> Step | None:
    for _ in range(TRIES):
        outcome = await trip.provider.prepare(order)
        assert trip.creates == 0
        if isinstance(outcome, Ready):
            return outcome.step
        assert isinstance(outcome, Failure)
    return None


async def found(trip: Journey, step: Step) -> Task | None:
    """Adopted is what the book has as ours; absent is what the book does not have."""
    await trip.simulator.clock.elapse(61)
    listing = await listed(trip, step)
    if listing is None:
        return None
    verdict = reconcile(listing, (), listing.read_at - timedelta(seconds=61))
    event(type(verdict).__name__)
    match verdict:
        case Adopt(task):
            assert [each.id for each in trip.book.tasks] == [task.id]
            return task
        case Absent():
            assert trip.book.tasks == ()
        case _:
            assert isinstance(verdict, Unclear)
    return None


async def listed(trip: Journey, step: Step) -> Listing | None:
    for _ in range(TRIES):
        listing = await trip.provider.search(step, datetime.now(UTC) - timedelta(minutes=5))
        if isinstance(listing, Listing):
            return listing
        assert isinstance(listing, Failure)
    return None


async def check_watching(trip: Journey, task: Task) -> None:
    state = await last_state(trip, task)
    event(type(state).__name__)
    (booked,) = trip.book.tasks
    if isinstance(state, Succeeded):
        assert booked.status in SUCCEEDED
    if isinstance(state, Failed) and state.failure.kind is not Kind.NOT_FOUND:
        assert booked.status in OVER - SUCCEEDED


async def last_state(trip: Journey, task: Task) -> State | None:
    """Some tasks are stuck: whoever watches them gives up in the middle."""
    state = None
    try:
        async with (
            time_passing(trip),
            asyncio.timeout(WATCHED_FOR),
            aclosing(trip.provider.watch(task)) as states,
        ):
            async for state in states:  # noqa: B007  # the last one counts
                pass
    except TimeoutError:
        event("given up")
    return state


@asynccontextmanager
async def time_passing(trip: Journey) -> AsyncIterator[None]:
    """Else the provider's clock stands: what a task is does not change while we cancel it."""

    async def tick() -> None:
        while True:
            await trip.simulator.clock.elapse(TICK)
            await asyncio.sleep(TICKS_EVERY)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        await end_tasks([ticking])


async def check_cancel(trip: Journey, task: Task) -> None:
    outcome = await trip.provider.cancel(task)
    event(type(outcome).__name__)
    (booked,) = trip.book.tasks
    assert isinstance(outcome, Withdrawn | NotStopped)
    assert not isinstance(outcome, Withdrawn) or is_paid_back(booked)


def is_paid_back(booked: BookedTask) -> bool:
    return booked.deleted and booked.credits_refunded == booked.credits_charged
