"""The four views of a multiview request: front, left, back, right; left is the subject's own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from worker.simulator.tripo import errors
from worker.simulator.tripo.reference import read_reference

if TYPE_CHECKING:
    from worker.simulator.tripo.provider import Tripo

SLOTS = ("front", "left", "back", "right")
FEWEST = 2


async def read_views(tripo: "Tripo", body: Mapping[str, Any]) -> str:
    views = _views(tripo, body)
    if not views.get("front"):
        raise errors.invalid("Invalid parameter: the front view is required")
    if sum(map(bool, views.values())) < FEWEST:
        raise errors.invalid(f"Invalid parameter: at least {FEWEST} views are required")
    digests = [
        f"{slot}={await read_reference(tripo, views[slot])}" for slot in SLOTS if views.get(slot)
    ]
    return ":".join(digests)


def _views(tripo: "Tripo", body: Mapping[str, Any]) -> dict[str, Any]:
    given = [name for name in ("inputs", "files", "original_model_task_id") if body.get(name)]
    if len(given) != 1:
        raise errors.invalid("Invalid parameter: exactly one of inputs, files is required")
    if given == ["original_model_task_id"]:
        raise _not_an_image_task(tripo, body["original_model_task_id"])
    entries: list[Any] = body[given[0]]
    if entries and all(isinstance(entry, dict) and _is_named(entry) for entry in entries):
        return _named(tripo, entries)
    if len(entries) != len(SLOTS):
        raise errors.invalid("Invalid parameter: exactly 4 slots: front, left, back, right")
    return dict(zip(SLOTS, entries, strict=True))


def _is_named(entry: Mapping[str, Any]) -> bool:
    return bool(entry) and set(entry) <= {*SLOTS, "task_id"}


def _named(tripo: "Tripo", entries: list[dict[str, Any]]) -> dict[str, Any]:
    views: dict[str, Any] = {}
    for entry in entries:
        if "task_id" in entry:
            raise _not_an_image_task(tripo, entry["task_id"])
        views |= entry
    return views


def _not_an_image_task(tripo: "Tripo", task_id: str) -> Exception:
    """The simulator has no tasks that make views."""
    return errors.wrong_source() if task_id in tripo.tasks else errors.no_task()
