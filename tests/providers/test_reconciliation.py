"""What follows from a provider's list for a request whose answer was lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.orders import answer
from worker.providers import PROVIDERS
from worker.providers.order import Step, Task
from worker.providers.outcome import Listing, Sighting
from worker.providers.reconciliation import Absent, Adopt, NotYet, Unclear, reconcile

GAVE_UP = datetime(2026, 11, 1, tzinfo=UTC)


def sighting(name: str, *, ours: bool) -> Sighting:
    return Sighting(Task("text-to-3d", name), GAVE_UP, ours)


def listing(*sightings: Sighting, after: float = 61, complete: bool = True) -> Listing:
    return Listing(sightings, complete, GAVE_UP + timedelta(seconds=after))


OURS, OURS_TOO, STRANGE = (
    sighting("ours", ours=True),
    sighting("ours too", ours=True),
    sighting("strange", ours=False),
)


def test_single_unclaimed_task_with_our_content_is_adopted() -> None:
    """At once, also beside others."""
    assert reconcile(listing(OURS, STRANGE, after=0), set(), GAVE_UP) == Adopt(OURS.task)


def test_claimed_task_is_never_adopted() -> None:
    """It is another request's with the same content."""
    assert reconcile(listing(OURS, OURS_TOO), {"ours"}, GAVE_UP) == Adopt(OURS_TOO.task)
    assert isinstance(reconcile(listing(OURS), {"ours"}, GAVE_UP), Absent)


def test_two_tasks_with_our_content_are_unclear() -> None:
    """One of them is somebody else's."""
    assert isinstance(reconcile(listing(OURS, OURS_TOO), set(), GAVE_UP), Unclear)


def test_nothing_seen_proves_absence_after_a_minute() -> None:
    """Lists lag, and requests land late."""
    early = reconcile(listing(after=59), set(), GAVE_UP)
    assert early == NotYet(1)
    late = listing(after=60)
    assert reconcile(late, set(), GAVE_UP) == Absent(late.read_at)


def test_unclaimed_stranger_is_unclear() -> None:
    """It may be the request's: the list does not show enough to tell."""
    assert isinstance(reconcile(listing(STRANGE), set(), GAVE_UP), Unclear)
    assert isinstance(reconcile(listing(STRANGE, after=1), set(), GAVE_UP), NotYet)
    assert isinstance(reconcile(listing(STRANGE), {"strange"}, GAVE_UP), Absent)


@pytest.mark.parametrize("sightings", [(), (OURS,), (STRANGE,)])
def test_incomplete_list_proves_nothing(sightings: tuple[Sighting, ...]) -> None:
    """Neither that a request is absent nor that a task is the only one."""
    assert isinstance(reconcile(listing(*sightings, complete=False), set(), GAVE_UP), Unclear)


@given(
    names=st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), unique_by=lambda n: n[0]),
    claimed=st.sets(st.sampled_from("abcdef")),
    after=st.floats(-100, 200),
    complete=st.booleans(),
)
def test_a_request_is_sent_again_only_on_proof(
    names: list[tuple[str, bool]],
    claimed: set[str],
    after: float,
    complete: bool,  # noqa: FBT001  # drawn
) -> None:
    """Absent needs a minute, the whole list and no task that nobody claims."""
    seen = [sighting(name, ours=ours) for name, ours in names]
    verdict = reconcile(listing(*seen, after=after, complete=complete), claimed, GAVE_UP)
    if isinstance(verdict, Absent):
        assert complete
        assert after >= 59.9999
        assert {name for name, _ in names} <= claimed
    if isinstance(verdict, Adopt):
        assert verdict.task.id not in claimed


@pytest.mark.parametrize(("name", "nothing"), [("MESHY", []), ("TRIPO", {"data": []})])
def test_a_list_is_as_old_as_its_first_page(name: str, nothing: object) -> None:
    """What was accepted while it was read may be missing from it."""
    talk = PROVIDERS[name]().search(Step("preview", "text-to-3d", {}, {}), GAVE_UP)
    next(talk)
    asked = datetime.now(UTC)
    with pytest.raises(StopIteration) as said:
        talk.send(answer(200, nothing))
    assert said.value.value.read_at <= asked
