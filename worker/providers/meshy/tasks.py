"""A Meshy task object as a state."""

from collections.abc import Iterator, Mapping
from typing import Any

from worker.providers.fields import (
    address,
    count,
    entries,
    extension,
    items,
    moment,
    percent,
    price,
    text,
)
from worker.providers.meshy.failures import task_expired, task_failure
from worker.providers.outcome import Canceled, Failed, Link, Output, State, Succeeded, Working

MODEL_FORMATS = ("glb", "fbx", "obj", "mtl", "usdz", "stl", "3mf", "blend")
TEXTURES = ("base_color", "metallic", "roughness", "normal", "emission")
RIGGED = {"rigged_character_glb_url": "glb", "rigged_character_fbx_url": "fbx"}


def task_state(task: Mapping[str, Any]) -> State | None:  # noqa: PLR0911  # one a status
    """None: this is no task. A status that nobody knows is one on the way; deadlines rule."""
    credits_ = price(task.get("consumed_credits"))
    match text(task.get("status")).upper():
        case "":
            return None
        case "SUCCEEDED":
            return Succeeded(output(task), credits_)
        case "FAILED":
            return Failed(task_failure(task), credits_)
        case "CANCELED" | "CANCELLED":
            return Canceled(credits_)
        case "EXPIRED":
            return Failed(task_expired(), credits_)
        case "PENDING":
            return Working(percent(task.get("progress")), count(task.get("preceding_tasks")))
        case _:
            return Working(percent(task.get("progress")))


def is_whole(task: Mapping[str, Any]) -> bool:
    """Frames on the way carry id, progress and status; the last one should have all."""
    if text(task.get("status")).upper() == "FAILED":
        return "task_error" in task
    return text(task.get("status")).upper() != "SUCCEEDED" or bool(output(task).links)


def output(task: Mapping[str, Any]) -> Output:
    return Output(
        links=(*_models(task), *_textures(task), *_thumbnail(task)),
        facts=dict(_facts(task)),
    )


def _facts(task: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("face_count", "vertex_count"):
        if (found := count(task.get(name))) is not None:
            yield name, found
    if expires_at := moment(task.get("expires_at")):
        yield "expires_at", expires_at.isoformat()


def _models(task: Mapping[str, Any]) -> Iterator[Link]:
    urls = entries(task.get("model_urls"))
    for format_ in MODEL_FORMATS:
        if url := address(urls.get(format_)):
            yield Link("model", format_, url)
    result = entries(task.get("result"))
    for name, format_ in RIGGED.items():
        if url := address(result.get(name)):
            yield Link("model", format_, url)


def _textures(task: Mapping[str, Any]) -> Iterator[Link]:
    """An array with one object; older answers had the bare object."""
    given = task.get("texture_urls")
    first = entries(next(iter(items(given)), given))
    for role in TEXTURES:
        if url := address(first.get(role)):
            yield Link(role, extension(url, "png"), url)


def _thumbnail(task: Mapping[str, Any]) -> Iterator[Link]:
    if url := address(task.get("thumbnail_url")):
        yield Link("thumbnail", extension(url, "png"), url)
