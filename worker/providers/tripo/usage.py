"""Looking for a lost request: the usage says which tasks there are, each task what went in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.providers.call import Answer, Call, Talk
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, items, moment, task_id, text
from worker.providers.order import Step, Task
from worker.providers.outcome import Listing, Sighting
from worker.providers.redaction import clean_failure
from worker.providers.tripo.failures import failure_of

PAGE = 200
MOST_PAGES = 20
MOST_IDS = 100
CLOCKS_DIFFER = timedelta(seconds=60)

# How v3 names the types is not documented: these are known, another one may be ours.
TYPES = {
    "text-to-model": {"text_to_model"},
    "image-to-model": {"image_to_model"},
    "multiview-to-model": {"multiview_to_model"},
    "texture": {"texture_model", "model_texture", "texture"},
    "convert": {"convert_model", "model_convert", "convert"},
    "rig-check": {"animate_prerigcheck", "animation_rig_check", "rig_check"},
    "rig": {"animate_rig", "animation_rig", "rig"},
}

# What a task was made from. A file's token is new with each upload: a picture is told by it.
SOURCES = ("prompt", "input", "inputs")
INPUT_BY_OTHER_NAMES = ("original_model_task_id", "file_token")


# A short page is no end: a server may give fewer than it was asked for.
def search(step: Step, since: datetime) -> Talk[Listing | Failure]:
    looked_at = datetime.now(UTC)
    earliest = since - CLOCKS_DIFFER
    rows: dict[str, datetime] = {}
    readable = True
    for page in range(MOST_PAGES):
        shown = _rows((yield _page(page)))
        if isinstance(shown, Failure):
            return shown
        readable = readable and all(_is_readable(row) for row in shown)
        rows |= dict(_candidates(step, shown, earliest))
        if not shown or _reaches_back(shown, earliest):
            return (yield from _compare(step, rows, looked_at, complete=readable))
    return (yield from _compare(step, rows, looked_at, complete=False))


def _page(page: int) -> Call:
    query = {"limit": str(PAGE), "offset": str(page * PAGE)}
    return Call("GET", "/v3/account/usage", query=query, pace="read")


def _rows(reply: Any) -> Sequence[Mapping[str, Any]] | Failure:
    if not isinstance(reply, Answer) or not reply.succeeded:
        return failure_of(reply)
    data = entries(reply.json()).get("data")
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list):
        return clean_failure(Kind.UNAVAILABLE, "the account's usage can't be read")
    return [entries(row) for row in data]


def _is_readable(row: Mapping[str, Any]) -> bool:
    return bool(task_id(row.get("task_id"))) and moment(row.get("created_at")) is not None


def _candidates(
    step: Step, rows: Sequence[Mapping[str, Any]], earliest: datetime
) -> Iterator[tuple[str, datetime]]:
    for row in rows:
        found, made = task_id(row.get("task_id")), moment(row.get("created_at"))
        if found and made and made >= earliest and _may_be(step.resource, text(row.get("type"))):
            yield found, made


def _may_be(resource: str, shown: str) -> bool:
    name = shown.lower().replace("-", "_")
    ours = TYPES.get(resource, set())
    return name in ours or not any(name in others for others in TYPES.values())


def _reaches_back(rows: Sequence[Mapping[str, Any]], earliest: datetime) -> bool:
    """The order of the rows is not documented: only a sorted page says anything about the next."""
    times = [made for row in rows if (made := moment(row.get("created_at")))]
    return bool(times) and times == sorted(times, reverse=True) and times[-1] < earliest


def _compare(
    step: Step, rows: Mapping[str, datetime], looked_at: datetime, *, complete: bool
) -> Talk[Listing | Failure]:
    inputs: dict[str, Any] = {}
    ids = list(rows)
    for start in range(0, len(ids), MOST_IDS):
        reply = yield list_call(ids[start : start + MOST_IDS])
        if not isinstance(reply, Answer) or not reply.succeeded:
            return failure_of(reply)
        inputs |= {name: entries(task.get("input")) for name, task in listed(reply).items()}
    sightings = tuple(
        Sighting(Task(step.resource, found), made, is_ours(step, inputs.get(found, {})))
        for found, made in rows.items()
    )
    return Listing(sightings, complete, looked_at)


def list_call(ids: Sequence[str]) -> Call:
    return Call("POST", "/v3/tasks/list", body={"task_ids": list(ids)}, pace="read", urgent=False)


def listed(answer: Answer) -> Mapping[str, Mapping[str, Any]]:
    """By id; a bare array of tasks is understood too."""
    tasks = entries(entries(answer.json()).get("data")).get("tasks")
    if isinstance(tasks, dict):
        return {name: entries(task) for name, task in tasks.items()}
    return {text(entries(task).get("task_id")): entries(task) for task in items(tasks)}


def is_ours(step: Step, shown: Mapping[str, Any]) -> bool:
    """All that both sides name is the same, and what it was made from and into is among it."""
    ours = step.content
    told = _with_input(shown)
    common = [name for name in told if told[name] is not None and ours.get(name) is not None]
    tells = any(name in SOURCES for name in common) and ("format" in common or "format" not in ours)
    return tells and all(_is_same(ours[name], told[name]) for name in common)


def _with_input(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    other = next((shown[name] for name in INPUT_BY_OTHER_NAMES if shown.get(name)), None)
    return {"input": other, **shown} if other else shown


def _is_same(mine: Any, shown: Any) -> bool:
    """An object may come back with fields that were left out."""
    if isinstance(mine, Mapping):
        return all(entries(shown).get(name) == value for name, value in mine.items())
    return bool(mine == shown)
