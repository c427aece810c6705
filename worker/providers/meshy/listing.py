"""Looking for a lost request in Meshy's list: newest first, pages of 50, no total."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.providers.call import Answer, Call, Talk
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, moment, task_id, text
from worker.providers.meshy.failures import failure_of
from worker.providers.order import Step, Task
from worker.providers.outcome import Listing, Sighting
from worker.providers.redaction import clean_failure

PAGE = 50
MOST_PAGES = 20
CLOCKS_DIFFER = timedelta(seconds=60)

# What the list shows and we sent. It shows neither images nor the task that a task builds on.
ECHOED = ("prompt", "texture_prompt", "ai_model")
KINDS = {
    ("text-to-3d", "preview"): "text-to-3d-preview",
    ("text-to-3d", "refine"): "text-to-3d-refine",
}


# A short page is no end: a server may give fewer than it was asked for.
def search(path: str, step: Step, since: datetime) -> Talk[Listing | Failure]:
    looked_at = datetime.now(UTC)
    earliest = since - CLOCKS_DIFFER
    found: dict[str, Sighting] = {}
    readable = True
    for page in range(1, MOST_PAGES + 1):
        tasks = _tasks((yield _page(path, page)))
        if isinstance(tasks, Failure):
            return tasks
        readable = readable and all(_is_readable(task) for task in tasks)
        found |= _sightings(step, tasks, earliest)
        if not tasks or _reaches_back(tasks, earliest):
            return Listing(tuple(found.values()), readable, looked_at)
    return Listing(tuple(found.values()), complete=False, read_at=looked_at)


def _page(path: str, page: int) -> Call:
    query = {"page_num": str(page), "page_size": str(PAGE), "sort_by": "-created_at"}
    return Call("GET", path, query=query)


def _tasks(reply: Any) -> list[Mapping[str, Any]] | Failure:
    if not isinstance(reply, Answer) or not reply.succeeded:
        return failure_of(reply)
    body = reply.json()
    if not isinstance(body, list):
        return clean_failure(Kind.UNAVAILABLE, "the list of tasks can't be read")
    return [entries(task) for task in body]


def _is_readable(task: Mapping[str, Any]) -> bool:
    return bool(task_id(task.get("id"))) and moment(task.get("created_at")) is not None


def _reaches_back(tasks: list[Mapping[str, Any]], earliest: datetime) -> bool:
    """Only if it is sorted as was asked does an old task mean that there is no younger one."""
    times = [made for task in tasks if (made := moment(task.get("created_at")))]
    return bool(times) and times == sorted(times, reverse=True) and times[-1] < earliest


def _sightings(
    step: Step, tasks: list[Mapping[str, Any]], earliest: datetime
) -> dict[str, Sighting]:
    return {
        found: Sighting(Task(step.resource, found), made, is_ours(step, task))
        for task in tasks
        if (found := task_id(task.get("id")))
        and (made := moment(task.get("created_at")))
        and made >= earliest
        and _is_of_kind(step, task)
    }


def _is_of_kind(step: Step, task: Mapping[str, Any]) -> bool:
    """Previews and refines share a list. Only what is surely the other one is left out."""
    asked = KINDS.get((step.resource, text(step.content.get("mode"))), "")
    shown = text(task.get("type"))
    return not asked or shown == asked or shown not in KINDS.values()


def is_ours(step: Step, task: Mapping[str, Any]) -> bool:
    """Nothing shown contradicts, and the prompt is the same: without one it could be anybody's."""
    shown = {name: task[name] for name in ECHOED if task.get(name) is not None}
    if shown.get("ai_model") == "":
        del shown["ai_model"]
    return bool(shown.get("prompt")) and all(
        (step.content.get(name) or "") == value for name, value in shown.items()
    )
