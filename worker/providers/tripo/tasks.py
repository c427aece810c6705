"""A Tripo task object as a state."""

from collections.abc import Iterator, Mapping
from typing import Any

from worker.providers.fields import address, entries, extension, items, percent, price, text
from worker.providers.outcome import Canceled, Failed, Link, Output, State, Succeeded, Working
from worker.providers.tripo.failures import named_failure, task_failure

# The best one first; the later names are those of the version before.
MODELS = ("model_url", "pbr_model_url", "pbr_model", "model", "base_model_url", "base_model")
THUMBNAILS = ("rendered_image_url", "rendered_image")


def task_state(task: Mapping[str, Any]) -> State | None:
    """None: this is no task. A status that nobody knows is one on the way; deadlines rule."""
    spent = price(task.get("credits_consumed", task.get("consumed_credit")))
    match text(task.get("status")).lower():
        case "":
            return None
        case "success":
            return Succeeded(output(task), spent)
        case "failed":
            return Failed(task_failure(task), spent)
        case "banned" | "expired" as status:
            return Failed(named_failure(status), spent)
        case "cancelled" | "canceled":
            return Canceled(spent)
        case _:
            return Working(percent(task.get("progress")))


def output(task: Mapping[str, Any]) -> Output:
    made = entries(task.get("output"))
    return Output(links=(*_model(task, made), *_thumbnail(made)), facts=dict(_facts(made)))


def _model(task: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[Link]:
    asked = text(entries(task.get("input")).get("format")).lower()
    several = list(items(made.get("model_urls")))
    for url in (*(address(made.get(name)) for name in MODELS), *map(address, several)):
        if url:
            otherwise = "glb" if asked in ("", "gltf") else asked
            yield Link("model", extension(url, otherwise), url)
            return


def _thumbnail(made: Mapping[str, Any]) -> Iterator[Link]:
    for url in (address(made.get(name)) for name in THUMBNAILS):
        if url:
            yield Link("thumbnail", extension(url, "webp"), url)
            return


def _facts(made: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(made.get("riggable"), bool):
        yield "riggable", made["riggable"]
    if text(made.get("rig_type")):
        yield "rig_type", text(made["rig_type"])[:50]
