"""What is made of the files that came, and of those that did not."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from worker.pipeline.delivery.ending import LAST_CALL, GiveUp, Later
from worker.pipeline.delivery.haul import Fault, Haul, Piece, judge
from worker.pipeline.delivery.links import MODEL
from worker.pipeline.disk import fault_of_disk

# The package shows the function under this name.
later_and_later = import_module("worker.pipeline.delivery.deliver").later_and_later
FBX = ("model", "fbx")
THUMBNAIL = ("thumbnail", "png")
NO_ROOM = OSError(28, "No space left on device")
WHY = "this worker's disk: No space left on device"


def haul_without(name: tuple[str, str], fault: Fault) -> Haul:
    haul = Haul()
    for role, format_ in {MODEL, FBX, THUMBNAIL} - {name}:
        haul.keep(Piece(role, format_, Path("nowhere"), 1, "0" * 64))
    haul.drop(name, fault, "it answers 403")
    return haul


def in_time(minutes: float) -> datetime:
    return datetime.now(UTC) + LAST_CALL + timedelta(minutes=minutes)


@pytest.mark.parametrize("name", [MODEL, FBX])
def test_models_are_waited_for(name: tuple[str, str]) -> None:
    """They were paid for."""
    waits = judge(haul_without(name, Fault.PASSING), in_time(1))
    assert isinstance(waits, Later)
    assert waits.why == "it answers 403"


def test_a_further_format_does_not_take_the_model_along() -> None:
    """Shortly before the deadline would fail the job, what is there is delivered."""
    haul = judge(haul_without(FBX, Fault.PASSING), in_time(-1))
    assert isinstance(haul, Haul)
    assert haul.notes["left_out"] == ["model as fbx: it answers 403"]


def test_the_model_itself_is_waited_for_to_the_end() -> None:
    """Without it there is nothing to deliver."""
    assert isinstance(judge(haul_without(MODEL, Fault.PASSING), in_time(-1)), Later)


@pytest.mark.parametrize("fault", [Fault.PASSING, Fault.DAMAGED, Fault.HOPELESS])
def test_a_thumbnail_holds_nothing_up(fault: Fault) -> None:
    """The event says that it is missing."""
    haul = judge(haul_without(THUMBNAIL, fault), in_time(1))
    assert isinstance(haul, Haul)
    assert haul.notes["left_out"] == ["thumbnail as png: it answers 403"]


@pytest.mark.parametrize("name", [MODEL, FBX, THUMBNAIL])
def test_nothing_is_left_out_for_want_of_room_here(name: tuple[str, str]) -> None:
    """Not even a thumbnail: another worker has room, or this one later."""
    waits = judge(haul_without(name, Fault.OURS), in_time(1))
    assert isinstance(waits, Later)
    assert waits.reason == "machine"


def test_a_further_file_that_no_machine_can_look_at_does_not_take_the_model_along() -> None:
    """Shortly before the deadline would fail the job; the model itself nobody delivers unseen."""
    haul = judge(haul_without(THUMBNAIL, Fault.OURS), in_time(-1))
    assert isinstance(haul, Haul)
    assert haul.notes["left_out"] == ["thumbnail as png: it answers 403"]
    assert isinstance(judge(haul_without(MODEL, Fault.OURS), in_time(-1)), Later)


def test_a_machine_without_room_does_not_insist() -> None:
    """What it holds by then goes to its other work first."""
    haul = haul_without(THUMBNAIL, Fault.OURS)
    haul.drop(FBX, Fault.PASSING, "")
    assert not haul.is_worth_another_try()


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.DAMAGED, "damaged_model"), (Fault.HOPELESS, "")]
)
def test_a_model_that_can_not_be_had_fails_the_job(fault: Fault, code: str) -> None:
    """Damaged each time, or too large: the user is told which."""
    gives_up = judge(haul_without(MODEL, fault), in_time(1))
    assert isinstance(gives_up, GiveUp)
    assert gives_up.failure.code == code


@pytest.mark.parametrize(
    "error",
    [NO_ROOM, ExceptionGroup("", [NO_ROOM]), ExceptionGroup("", [ExceptionGroup("", [NO_ROOM])])],
    ids=["alone", "in a group", "deeper"],
)
def test_a_fault_of_the_disk_is_known_wherever_it_comes_from(error: Exception) -> None:
    """Tasks that run side by side tell it as a group."""
    assert fault_of_disk(error) == WHY


@pytest.mark.parametrize(
    "error",
    [ValueError(), TimeoutError(), ExceptionGroup("", [NO_ROOM, ValueError()])],
    ids=["a bug", "a deadline", "both"],
)
def test_what_nobody_planned_is_no_fault_of_the_disk(error: Exception) -> None:
    """It is told as what it is."""
    assert fault_of_disk(error) is None


def test_what_fails_again_and_again_is_tried_ever_more_rarely() -> None:
    """Each try fetches and optimises all of it; a refusal's own time is never cut short."""
    assert [later_and_later(30, attempt) for attempt in (1, 2, 3, 4, 5, 1000)] == [
        *(30, 60, 120, 240, 300, 300),
    ]
    assert later_and_later(600, 3) == 600
