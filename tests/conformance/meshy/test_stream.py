import httpx
import pytest

from tests.conformance.meshy.api import PATHS, Meshy
from tests.conformance.meshy.orders import OPERATIONS, Operation, image, preview
from tests.conformance.meshy.sse import Frame, stream
from tests.conformance.wire import fetch
from worker.simulator import Fault, Rule

NOWHERE = "018a210d-8ba4-705c-b111-1f1776f7f578"
LONGER_THAN_KEEP_ALIVE = 15.0
SHORT = httpx.Timeout(10.0, read=0.3)

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def watched(meshy: Meshy, resource: str, task_id: str) -> list[Frame]:
    """Every frame until the server closes; after each, time goes on."""
    frames = []
    with stream(meshy, resource, task_id) as events:
        for frame in events:
            frames.append(frame)
            meshy.simulator.clock.advance(LONGER_THAN_KEEP_ALIVE)
    return frames


@each_operation
def test_a_stream_is_an_event_stream(meshy: Meshy, operation: Operation) -> None:
    """The stream answers 200 with text/event-stream."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    with stream(meshy, operation.resource, task_id) as events:
        assert events.response.status_code == 200
        assert events.response.headers["content-type"].startswith("text/event-stream")


@each_operation
def test_a_stream_ends_with_the_task(meshy: Meshy, operation: Operation) -> None:
    """Frames are messages, tell little until the end, then the full object; then it closes."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    frames = watched(meshy, operation.resource, task_id)
    assert {frame.event for frame in frames} == {"message"}
    assert all(set(frame.data) == {"id", "progress", "status"} for frame in frames[:-1])
    assert all(frame.data["id"] == task_id for frame in frames)
    assert frames[0].data == {"id": task_id, "progress": 0, "status": "PENDING"}
    assert frames[-1].data == meshy.task(operation.resource, task_id)
    assert frames[-1].data["status"] == "SUCCEEDED"


def test_a_stream_can_not_be_resumed(meshy: Meshy) -> None:
    """Frames have no id and no retry."""
    frames = watched(meshy, "image-to-3d", meshy.created("image-to-3d", image()))
    assert {name for frame in frames for name in frame.fields} == {"event", "data"}


def test_a_silent_task_is_told_again(meshy: Meshy) -> None:
    """The last frame is sent again about every ten seconds."""
    meshy.simulator.script(Rule(fault=Fault.STUCK_PENDING, provider="meshy"))
    with stream(meshy, "image-to-3d", meshy.created("image-to-3d", image())) as events:
        frames = iter(events)
        first = next(frames)
        for _ in range(3):
            meshy.simulator.clock.advance(LONGER_THAN_KEEP_ALIVE)
            assert next(frames) == first


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_a_stream_of_an_ended_task_is_one_frame(meshy: Meshy, status: str) -> None:
    """Whoever comes late gets the full object at once, and the end."""
    task_id = meshy.settled("text-to-3d", preview(), status)
    with stream(meshy, "text-to-3d", task_id) as events:
        (frame,) = events
    assert frame.data == meshy.task("text-to-3d", task_id)


def test_a_failure_ends_the_stream(meshy: Meshy) -> None:
    """FAILED is a terminal frame with the full object too."""
    task_id = meshy.created("text-to-3d", preview())
    with stream(meshy, "text-to-3d", task_id) as events:
        frames = iter(events)
        next(frames)
        meshy.simulator.settle(task_id, "failed")
        *_, last = frames
    assert last.data["status"] == "FAILED"
    assert last.data["task_error"]["message"]


@pytest.mark.parametrize(
    ("resource", "mine"), [("text-to-3d", False), ("image-to-3d", False), ("image-to-3d", True)]
)
def test_an_unknown_task_is_an_error_after_200(meshy: Meshy, resource: str, *, mine: bool) -> None:
    """Unknown ids and wrong resources arrive after HTTP 200 as one error event."""
    task_id = meshy.created("text-to-3d", preview()) if mine else NOWHERE
    with stream(meshy, resource, task_id) as events:
        (frame,) = events
        assert events.response.status_code == 200
    assert frame.event == "error"
    assert frame.data == {"status_code": 404, "message": "Task not found"}


def test_a_stream_needs_a_key(meshy: Meshy) -> None:
    """Without a key a stream is 401, before or after its 200 (both tolerated)."""
    url = f"{meshy.simulator.meshy.url}{PATHS['text-to-3d']}/{NOWHERE}/stream"
    answer = fetch(url, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401 or '"status_code":401' in answer.text.replace(" ", "")


def test_two_may_watch_one_task(meshy: Meshy) -> None:
    """Every stream of a task tells the same."""
    task_id = meshy.created("text-to-3d", preview())
    with stream(meshy, "text-to-3d", task_id) as one, stream(meshy, "text-to-3d", task_id) as two:
        meshy.simulator.settle(task_id, "succeeded")
        assert [*one][-1] == [*two][-1]


def test_a_deleted_task_ends_its_stream(meshy: Meshy) -> None:
    """The stream of a task that is deleted meanwhile does not stay open."""
    task_id = meshy.created("text-to-3d", preview())
    with stream(meshy, "text-to-3d", task_id) as events:
        frames = iter(events)
        next(frames)
        meshy.delete("text-to-3d", task_id)
        assert len(list(frames)) <= 1


def test_stream_ends_stops_in_the_middle(meshy: Meshy) -> None:
    """STREAM_ENDS: the connection closes before a terminal frame, and the task goes on."""
    meshy.simulator.script(Rule(fault=Fault.STREAM_ENDS, provider="meshy"))
    task_id = meshy.created("image-to-3d", image())
    frames = []
    with stream(meshy, "image-to-3d", task_id) as events:
        try:
            for frame in events:
                frames.append(frame)
                meshy.simulator.clock.advance(LONGER_THAN_KEEP_ALIVE)
        except httpx.RemoteProtocolError:
            pass
    assert all(frame.data["status"] in {"PENDING", "IN_PROGRESS"} for frame in frames)
    assert meshy.lived("image-to-3d", task_id)[-1]["status"] == "SUCCEEDED"


def test_stream_hangs_says_nothing(meshy: Meshy) -> None:
    """STREAM_HANGS: open, but silent past keep-alive and the end of the task."""
    meshy.simulator.script(Rule(fault=Fault.STREAM_HANGS, provider="meshy"))
    task_id = meshy.created("image-to-3d", image())
    silent = False
    try:
        with stream(meshy, "image-to-3d", task_id, timeout=SHORT) as events:
            for frame in events:
                assert frame.data["status"] in {"PENDING", "IN_PROGRESS"}
                meshy.simulator.clock.advance(1800)
    except httpx.ReadTimeout:
        silent = True
    assert silent


def test_a_scripted_stream_error_comes_after_200(meshy: Meshy) -> None:
    """STREAM_ERROR_AFTER_200: HTTP 200, an error event with status and message, and the end."""
    meshy.simulator.script(Rule(fault=Fault.STREAM_ERROR_AFTER_200, provider="meshy"))
    with stream(meshy, "image-to-3d", meshy.created("image-to-3d", image())) as events:
        assert events.response.status_code == 200
        *_, last = events
    assert last.event == "error"
    assert set(last.data) == {"status_code", "message"}


def test_the_next_stream_is_well_again(meshy: Meshy) -> None:
    """A fault that is scripted once happens once."""
    meshy.simulator.script(Rule(fault=Fault.STREAM_ERROR_AFTER_200, provider="meshy", times=1))
    task_id = meshy.created("image-to-3d", image())
    with stream(meshy, "image-to-3d", task_id) as events:
        assert [*events][-1].event == "error"
    assert watched(meshy, "image-to-3d", task_id)[-1].data["status"] == "SUCCEEDED"
