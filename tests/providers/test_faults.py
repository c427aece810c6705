"""Every request of every provider, and every scripted fault: the one value that each ends in."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.providers.journey import CALM, HASTE, REQUESTS, SIMULATED, SOON, Journey, drawn, journey
from worker.providers.failure import Failure, Kind
from worker.providers.order import Order, Stage, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
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
from worker.simulator import Fault, Rule
from worker.simulator.fault import Operation, operations_of

# After these, nobody on this side knows whether the request was taken.
UNCERTAIN = {
    Fault.ANSWER_DROPPED,
    Fault.ANSWER_5XX_AFTER_ACCEPT,
    Fault.ANSWER_5XX,
    Fault.ACCEPTED_LATE,
    Fault.MALFORMED_2XX,
    Fault.NO_ANSWER,
    Fault.CONNECTION_REFUSED_OR_RESET,
}
REFUSALS = {
    Fault.RATE_LIMITED: Kind.RATE_LIMITED,
    Fault.NO_SLOT: Kind.NO_SLOT,
    Fault.OUT_OF_CREDIT: Kind.OUT_OF_CREDIT,
    Fault.FREE_PLAN: Kind.OUT_OF_CREDIT,
    Fault.UNAUTHORISED: Kind.UNAUTHORISED,
    Fault.FORBIDDEN: Kind.UNAUTHORISED,
    Fault.INVALID: Kind.INVALID_REQUEST,
    Fault.NOT_FOUND: Kind.NOT_FOUND,
    Fault.MODERATED: Kind.MODERATED,
}
NAMES = tuple(SIMULATED)


def faults(*operations: Operation, of: tuple[str, ...] = NAMES) -> list[tuple[str, Fault]]:
    return [
        (name, fault)
        for name in of
        for fault in Fault
        if operations_of(fault, SIMULATED[name]) & set(operations)
    ]


def befall(trip: Journey, fault: Fault, operation: Operation, times: int | None = 1) -> None:
    trip.simulator.script(
        Rule(fault=fault, provider=SIMULATED[trip.name], operation=operation, times=times)
    )


def patience(fault: Fault) -> Patience:
    return HASTE if fault in (Fault.NO_ANSWER, Fault.ACCEPTED_LATE) else CALM


def kind_of(fault: Fault) -> Kind:
    return Kind.UNAVAILABLE if fault in UNCERTAIN else REFUSALS[fault]


# --- paid requests


@pytest.mark.parametrize(
    ("name", "fault", "request_"),
    [(*each, request) for each in faults("create") for request in REQUESTS[each[0]]],
)
async def test_a_paid_request_is_sent_once_whatever_comes_of_it(
    name: str, fault: Fault, request_: str
) -> None:
    """Refused means nothing bought; any doubt is unknown; and it never goes out a second time."""
    async with journey(name, patience=patience(fault)) as trip:
        step = await trip.step(request_)
        before, bought = trip.creates, len(trip.book.tasks)
        befall(trip, fault, "create")
        async with asyncio.timeout(SOON):
            outcome = await trip.provider.submit(step)
        await trip.left_alone()
        book = trip.book

    assert trip.creates - before <= 1
    if fault in UNCERTAIN:
        assert isinstance(outcome, Unknown)
        assert outcome.failure.kind is Kind.SUBMISSION_UNKNOWN
    else:
        assert isinstance(outcome, Rejected)
        assert outcome.failure.kind is REFUSALS[fault]
        assert len(book.tasks) == bought


@pytest.mark.parametrize(
    ("name", "request_"), [(name, request) for name in NAMES for request in REQUESTS[name]]
)
async def test_every_paid_request_is_accepted(name: str, request_: str) -> None:
    """Where nothing goes wrong each request is one task, which the provider's book knows."""
    async with journey(name) as trip:
        step = await trip.step(request_)
        before = trip.creates
        outcome = await trip.provider.submit(step)
        await trip.left_alone()
        book = trip.book

    assert isinstance(outcome, Accepted)
    assert trip.creates - before == 1
    assert (book.tasks[-1].id, book.tasks[-1].resource) == (outcome.task.id, outcome.task.resource)
    assert book.tasks[-1].credits_charged == step.expected_credits


# --- looking, listing, asking


async def look(trip: Journey, task: Task) -> object:
    return await trip.provider.look(task)


async def search(trip: Journey, _: Task) -> object:
    return await trip.provider.search(
        await trip.step("preview"), datetime.now(UTC) - timedelta(hours=1)
    )


async def balance(trip: Journey, _: Task) -> object:
    return await trip.provider.balance()


async def upload(trip: Journey, _: Task) -> object:
    return await trip.provider.prepare(Order(Stage.GENERATE, pictures=(drawn("front"),)))


QUESTIONS: dict[Operation, Callable[[Journey, Task], Awaitable[object]]] = {
    "get": look,
    "list": search,
    "balance": balance,
    "upload": upload,
}
ANSWERS = {"get": Working, "list": Listing, "balance": Balance, "upload": Ready}


@pytest.mark.parametrize(
    ("name", "fault", "operation"),
    [
        (*each, operation)
        for operation in QUESTIONS
        for each in faults(operation)
        if each[1] is not Fault.LIST_LAGS
    ],
)
async def test_a_question_ends_in_an_answer_or_a_failure(
    name: str, fault: Fault, operation: Operation
) -> None:
    """What was refused or lost is told by its kind, buys nothing, and may be asked again."""
    async with journey(name, patience=patience(fault)) as trip:
        task = await trip.accepted(await trip.step("preview"))
        befall(trip, fault, operation)
        async with asyncio.timeout(SOON):
            outcome = await QUESTIONS[operation](trip, task)
            again = await QUESTIONS[operation](trip, task)
        await trip.left_alone()

    if isinstance(outcome, Unseen | Failed):
        outcome = outcome.failure
    assert isinstance(outcome, Failure)
    assert outcome.kind is kind_of(fault)
    assert isinstance(again, ANSWERS[operation])
    assert trip.creates == 1


@pytest.mark.parametrize("name", NAMES)
async def test_one_lost_look_says_nothing_about_the_task(name: str) -> None:
    """Only a 404 of the provider's own ends a task; nothing else that a look meets does."""
    for fault in [each for _, each in faults("get", of=(name,))]:
        async with journey(name, patience=patience(fault)) as trip:
            task = await trip.accepted(await trip.step("preview"))
            befall(trip, fault, "get")
            state = await trip.provider.look(task)

        assert isinstance(state, Failed if fault is Fault.NOT_FOUND else Unseen), fault


@pytest.mark.parametrize("name", NAMES)
async def test_a_list_that_lags_shows_no_task_and_later_does(name: str) -> None:
    """What is missing from a fresh list may still come: the list is not to be believed too soon."""
    async with journey(name) as trip:
        befall(trip, Fault.LIST_LAGS, "list", times=None)
        task = await trip.accepted(await trip.step("preview"))
        early = await search(trip, task)
        trip.simulator.forget_rules()
        late = await search(trip, task)

    assert isinstance(early, Listing)
    assert isinstance(late, Listing)
    assert [each.task for each in early.sightings] == []
    assert [(each.task, each.is_ours) for each in late.sightings] == [(task, True)]


# --- cancelling


@pytest.mark.parametrize(("name", "fault"), faults("cancel"))
async def test_withdrawn_means_paid_back(name: str, fault: Fault) -> None:
    """A cancel is believed only when the provider's book has the credits back."""
    async with journey(name, patience=patience(fault)) as trip:
        task = await trip.accepted(await trip.step("preview"))
        befall(trip, fault, "cancel")
        async with asyncio.timeout(SOON):
            outcome = await trip.provider.cancel(task)
        await trip.left_alone()
        (booked,) = trip.book.tasks

    assert isinstance(outcome, Withdrawn | NotStopped)
    assert isinstance(outcome, Withdrawn) == (booked.credits_refunded == booked.credits_charged)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", ["running", "succeeded", "failed"])
async def test_what_is_under_way_or_over_is_not_withdrawn(status: str, name: str) -> None:
    """A cancel that comes too late stops nothing and destroys nothing."""
    async with journey(name) as trip:
        task = await trip.accepted(await trip.step("preview"))
        trip.simulator.settle(task.id, status)
        outcome = await trip.provider.cancel(task)
        (booked,) = trip.book.tasks

    assert isinstance(outcome, NotStopped)
    assert not booked.deleted


# --- watching


@pytest.mark.parametrize(
    ("name", "fault"),
    [each for each in faults("stream", "get") if each[1] is not Fault.NOT_FOUND],
)
async def test_watching_sees_the_end_through_any_fault(name: str, fault: Fault) -> None:
    """Streams that end, hang, lie or never open, and looks that fail, only delay what is seen."""
    async with journey(name, patience=patience(fault)) as trip:
        task = await trip.accepted(await trip.step("preview"))
        for operation in ("stream", "get"):
            if operation in operations_of(fault, SIMULATED[name]):
                befall(trip, fault, operation, times=3)
        watching = asyncio.create_task(trip.end(task))
        trip.simulator.settle(task.id, "succeeded")
        state = await watching
        await trip.left_alone()

    assert isinstance(state, Succeeded)
    assert trip.creates == 1


@pytest.mark.parametrize("name", NAMES)
async def test_watching_a_task_that_is_gone_ends(name: str) -> None:
    """Nobody waits for ever for a task that the provider does not know."""
    async with journey(name) as trip:
        task = await trip.accepted(await trip.step("preview"))
        state = await trip.end(Task(task.resource, task.id[:-4] + "0000"))
        await trip.left_alone()

    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.NOT_FOUND


# --- what becomes of a task

ENDS = {
    ("MESHY", Fault.TASK_FAILED): Kind.TASK_FAILED_RETRYABLE,
    ("TRIPO", Fault.TASK_FAILED): Kind.TASK_FAILED,  # without a code nothing says that it may help
    ("MESHY", Fault.TASK_TIMEOUT): Kind.TASK_FAILED_RETRYABLE,
    ("TRIPO", Fault.TASK_TIMEOUT): Kind.TASK_FAILED_RETRYABLE,
    ("MESHY", Fault.TASK_EXPIRED): Kind.TASK_EXPIRED,
    ("TRIPO", Fault.TASK_EXPIRED): Kind.TASK_EXPIRED,
    ("MESHY", Fault.MODERATED): Kind.MODERATED,
    ("TRIPO", Fault.MODERATED): Kind.MODERATED,
}


@pytest.mark.parametrize(("name", "fault"), faults("task"))
async def test_every_end_of_a_task_is_told(name: str, fault: Fault) -> None:
    """Failed, timed out, expired, moderated, or stuck: watching says which."""
    async with journey(name, speed=1000, patience=patience(fault)) as trip:
        befall(trip, fault, "task")
        task = await trip.accepted(await trip.step("preview"))
        watched = trip.provider.watch(task)
        async with asyncio.timeout(SOON):
            while not settled(state := await anext(watched), fault):
                pass
        await watched.aclose()
        await trip.left_alone()

    if isinstance(state, Failed):
        assert state.failure.kind is ENDS[name, fault]


def settled(state: object, fault: Fault) -> bool:
    """As far as the task will get."""
    match fault:
        case Fault.STUCK_PENDING:
            return state == Working(0, getattr(state, "ahead", None))
        case Fault.STUCK_AT_99:
            return isinstance(state, Working) and state.progress == 99
        case Fault.FORMAT_MISSING:
            return isinstance(state, Succeeded)
        case _:
            return isinstance(state, Failed)
