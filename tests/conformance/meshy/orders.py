"""Valid bodies of every create that is used, with the changes that a test is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.pictures import data_uri, picture

PNG = data_uri(picture())
JPEG = data_uri(picture("JPEG"), "image/jpeg")
OMITTED = object()
SMALL: Json = {"should_remesh": True, "target_polycount": 1_000}


def changed(body: Json, changes: Json) -> Json:
    return {name: value for name, value in (body | changes).items() if value is not OMITTED}


def preview(**changes: Any) -> Json:
    body = {"mode": "preview", "prompt": "a teal katana", "ai_model": "meshy-6"}
    return changed(body, changes)


def refine(preview_task_id: str, /, **changes: Any) -> Json:
    return changed({"mode": "refine", "preview_task_id": preview_task_id}, changes)


def image(**changes: Any) -> Json:
    return changed({"image_url": PNG, "ai_model": "meshy-6"}, changes)


def images(count: int = 2, **changes: Any) -> Json:
    return changed({"image_urls": [PNG] * count, "ai_model": "meshy-6"}, changes)


def built_on(input_task_id: str, /, **changes: Any) -> Json:
    return changed({"input_task_id": input_task_id}, changes)


def convert(input_task_id: str, /, **changes: Any) -> Json:
    return built_on(input_task_id, **({"target_formats": ["fbx"]} | changes))


def previewed(meshy: Meshy, **changes: Any) -> str:
    return meshy.settled("text-to-3d", preview(**changes))


def refined(meshy: Meshy) -> str:
    return meshy.settled("text-to-3d", refine(previewed(meshy)))


def remeshed(meshy: Meshy) -> str:
    return meshy.settled("remesh", built_on(previewed(meshy), target_polycount=5_000))


def textured_small(meshy: Meshy) -> str:
    return meshy.settled("image-to-3d", image(should_remesh=True, target_polycount=5_000))


@dataclass(frozen=True)
class Operation:
    name: str
    resource: str
    type: str | None  # what the task object calls itself; None where the spelling is unconfirmed
    body: Callable[[Meshy], Json]

    def __str__(self) -> str:
        return self.name


OPERATIONS = (
    Operation("preview", "text-to-3d", "text-to-3d-preview", lambda _: preview()),
    Operation("refine", "text-to-3d", "text-to-3d-refine", lambda meshy: refine(previewed(meshy))),
    Operation("image", "image-to-3d", "image-to-3d", lambda _: image()),
    Operation("images", "multi-image-to-3d", "multi-image-to-3d", lambda _: images()),
    Operation("remesh", "remesh", "remesh", lambda meshy: built_on(previewed(meshy))),
    Operation("rig", "rigging", "rig", lambda meshy: built_on(textured_small(meshy))),
    Operation("convert", "convert", None, lambda meshy: convert(previewed(meshy))),
)
