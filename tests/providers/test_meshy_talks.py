"""Cancel, search and balance at Meshy, without I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.providers.orders import PREVIEW, PREVIEWED, REFINE, REMESH, answer, converse
from worker.providers.call import NoAnswer, Reply
from worker.providers.failure import Failure, Kind
from worker.providers.meshy import Meshy
from worker.providers.order import Order, Step
from worker.providers.outcome import Balance, Listing, NotStopped, Ready, Sighting, Withdrawn

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
PENDING = answer(200, {"id": PREVIEWED.id, "status": "PENDING"})
GONE = answer(404, {"message": "Task not found"})
LOST = NoAnswer(sent=True, reason="ReadTimeout")


def cancel(*replies: Reply) -> tuple[list[str], Withdrawn | NotStopped]:
    calls, outcome = converse(Meshy().cancel(PREVIEWED), *replies)
    return [call.method for call in calls], outcome


def test_pending_task_is_withdrawn() -> None:
    """A task in the queue is deleted and paid back."""
    assert cancel(PENDING, answer(200)) == (["GET", "DELETE"], Withdrawn())


@pytest.mark.parametrize("status", ["IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELED", "NEW"])
def test_only_a_pending_task_is_deleted(status: str) -> None:
    """The same request would delete a finished task and its files without a refund."""
    seen = answer(200, {"id": PREVIEWED.id, "status": status})
    assert cancel(seen) == (["GET"], NotStopped())


def test_cancel_refused() -> None:
    """It began to run between the look and the request."""
    methods, outcome = cancel(PENDING, answer(409, {"message": "Task is in progress"}))
    assert methods == ["GET", "DELETE"]
    assert isinstance(outcome, NotStopped)
    assert outcome.failure is not None


def test_lost_answer_to_a_cancel_is_looked_after() -> None:
    """If the task is gone afterwards, it was withdrawn."""
    assert cancel(PENDING, LOST, GONE)[1] == Withdrawn()
    assert isinstance(cancel(PENDING, LOST, PENDING)[1], NotStopped)


def test_cancel_of_what_cannot_be_asked() -> None:
    """Without a look nothing is deleted."""
    assert cancel(LOST) == (["GET"], NotStopped())


def step_of(order: Order) -> Step:
    _, outcome = converse(Meshy().prepare(order, ()))
    assert isinstance(outcome, Ready)
    return outcome.step


def listed(number: int, seconds: float, **fields: Any) -> dict[str, Any]:
    made = SINCE + timedelta(seconds=seconds)
    base = {
        "id": f"task-{number}",
        "type": "text-to-3d-preview",
        "prompt": "a cyberpunk katana",
        "texture_prompt": "",
        "created_at": int(made.timestamp() * 1000),
    }
    return base | fields


def search(order: Order, *pages: Any) -> Listing:
    replies = [answer(200, page) for page in pages]
    calls, outcome = converse(Meshy().search(step_of(order), SINCE), *replies)
    assert all(call.query["sort_by"] == "-created_at" for call in calls)
    assert isinstance(outcome, Listing)
    return outcome


def ours(listing: Listing) -> list[str]:
    return [each.task.id for each in listing.sightings if each.is_ours]


def test_lost_preview_is_known_by_its_prompt() -> None:
    """What the list shows equals what was sent, and it was made since then."""
    listing = search(
        PREVIEW,
        [
            listed(1, 9),
            listed(2, 8, prompt="another"),
            listed(3, 7, type="text-to-3d-refine"),
            listed(4, 6, ai_model="meshy-5"),
            listed(5, -3600),
        ],
    )
    assert listing.complete
    assert [each.task.id for each in listing.sightings] == ["task-1", "task-2", "task-4"]
    assert ours(listing) == ["task-1"]
    assert listing.sightings[0] == Sighting(
        listing.sightings[0].task, SINCE + timedelta(seconds=9), is_ours=True
    )


def test_refine_is_known_by_prompt_and_texture_prompt() -> None:
    """A refine is listed under its preview's prompt."""
    listing = search(
        REFINE,
        [
            listed(1, 9, type="text-to-3d-refine"),
            listed(2, 9, type="text-to-3d-refine", texture_prompt="gold"),
        ],
        [],
    )
    assert ours(listing) == ["task-1"]


@pytest.mark.parametrize("kind", [None, "", "text-to-3d", "text_to_3d_preview"])
def test_kind_of_another_spelling_may_be_ours(kind: str | None) -> None:
    """A name that nobody knows proves nothing to be absent."""
    assert ours(search(PREVIEW, [listed(1, 5, type=kind)], [])) == ["task-1"]


def test_what_shows_no_content_is_never_ours() -> None:
    """A remesh without a prompt could be anybody's."""
    listing = search(REMESH, [{"id": "a", "type": "remesh", "created_at": 1793491300000}], [])
    assert len(listing.sightings) == 1
    assert ours(listing) == []


def test_pages_are_read_until_they_reach_back() -> None:
    """Full pages go on; an older task ends the search."""
    first = [listed(number, 1000 - number) for number in range(50)]
    second = [listed(number + 50, -900 - number) for number in range(50)]
    listing = search(PREVIEW, first, second)
    assert listing.complete
    assert len(listing.sightings) == 50


def test_unsorted_list_proves_nothing_by_an_old_task() -> None:
    """Only a short page ends a list that is not sorted as was asked."""
    first = [listed(number, -9000 + number * 200) for number in range(50)]
    assert search(PREVIEW, first, []).complete


def test_list_that_never_reaches_back_is_incomplete() -> None:
    """After twenty pages nothing is proved."""
    page = [listed(number, 1000 - number) for number in range(50)]
    assert not search(PREVIEW, *([page] * 20)).complete


def test_list_with_an_unreadable_task_is_incomplete() -> None:
    """The unreadable one may be ours."""
    assert not search(PREVIEW, [None, {"id": "x"}], []).complete


@pytest.mark.parametrize("reply", [LOST, answer(500), answer(401), answer(200, {"no": "list"})])
def test_list_that_cannot_be_read(reply: Reply) -> None:
    """A search that failed is a failure, not an empty list."""
    _, outcome = converse(Meshy().search(step_of(PREVIEW), SINCE), reply)
    assert isinstance(outcome, Failure)


def test_balance() -> None:
    """The account's credits, or why they can't be told."""
    assert converse(Meshy().balance(), answer(200, {"balance": 1000}))[1] == Balance(1000)
    failing: list[tuple[Reply, Kind]] = [
        (answer(401), Kind.UNAUTHORISED),
        (answer(200, {"balance": "many"}), Kind.UNAVAILABLE),
        (LOST, Kind.UNAVAILABLE),
    ]
    for reply, kind in failing:
        outcome = converse(Meshy().balance(), reply)[1]
        assert isinstance(outcome, Failure)
        assert outcome.kind is kind


def test_a_short_page_is_no_end() -> None:
    """A server may give fewer tasks than it was asked for: ours may be on the next page."""
    first = [listed(number, 900 - number, prompt="another") for number in range(10)]
    mine = listed(99, 5)
    assert len(ours(search(PREVIEW, first, [mine], []))) == 1
