"""A stage's order as the bodies of Tripo's requests.

Texture, pbr and quad are always said: their defaults in v3 are not documented. No field is sent
that an operation doesn't know: Tripo refuses those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from worker.providers.order import Angle, Order, Picture, Stage, Step, Task
from worker.providers.wording import described, trimmed

LONGEST_PROMPT = 1024
LONGEST_NEGATIVE_PROMPT = 255

SLOTS: tuple[Angle, ...] = ("front", "left", "back", "right")
FORMATS = {"fbx": "FBX", "obj": "OBJ", "stl": "STL", "usdz": "USDZ", "3mf": "3MF"}
ANIMATED = frozenset({"fbx", "usdz"})

DEFAULT_MODEL = "v3.1-20260211"
DEFAULT_TEXTURE_MODEL = "v3.0-20250812"
DEFAULT_RIG_MODEL = "v2.5-20260210"
DEFAULT_RIG_TYPE = "biped"

PATHS = {
    "text-to-model": "/v3/generation/text-to-model",
    "image-to-model": "/v3/generation/image-to-model",
    "multiview-to-model": "/v3/generation/multiview-to-model",
    "texture": "/v3/models/texture",
    "convert": "/v3/models/convert",
    "rig-check": "/v3/animations/rig-check",
    "rig": "/v3/animations/rig",
}


@dataclass(frozen=True, slots=True)
class Models:
    """Which versions are asked for: Tripo demands one, and what it makes differs with it."""

    model: str = DEFAULT_MODEL
    texture: str = DEFAULT_TEXTURE_MODEL
    rig: str = DEFAULT_RIG_MODEL

    @property
    def is_low_poly(self) -> bool:
        return self.model.startswith("P")


def first_step(order: Order, models: Models, tokens: Mapping[Angle, str]) -> Step | None:
    match order.stage:
        case Stage.PREVIEW if order.prompt.strip():
            return _preview(order, models)
        case Stage.GENERATE if "front" in tokens:
            return _generate(order, models, tokens)
        case Stage.REFINE | Stage.REMESH | Stage.RIG if order.source:
            return _process(order, order.source, models)
        case _:
            return None


def _process(order: Order, source: Task, models: Models) -> Step:
    match order.stage:
        case Stage.REFINE:
            return _texture(order, source, models)
        case Stage.REMESH:
            return convert(order, source, "glb")
        case _:
            return _step("rig-check", "rig-check", {"input": source.id}, 0)


def _preview(order: Order, models: Models) -> Step:
    body: dict[str, Any] = {
        "prompt": described(order.prompt, LONGEST_PROMPT, art_style=order.art_style),
        **_mesh(order, models, textured=False),
    }
    if order.negative_prompt.strip():
        body["negative_prompt"] = trimmed(order.negative_prompt, LONGEST_NEGATIVE_PROMPT)
    return _step("preview", "text-to-model", body, 40 if models.is_low_poly else 10)


def _generate(order: Order, models: Models, tokens: Mapping[Angle, str]) -> Step:
    """These operations take no words: what should be seen is in the pictures."""
    mesh = _mesh(order, models, textured=order.textured)
    price = (40 if models.is_low_poly else 20) + (10 if order.textured else 0)
    if len(tokens) == 1:
        body = {"input": tokens["front"], **mesh}
        return _step("generate", "image-to-model", body, price, order.pictures)
    body = {"inputs": [tokens.get(slot, "") for slot in SLOTS], **mesh}
    return _step("generate", "multiview-to-model", body, price, order.pictures)


def _mesh(order: Order, models: Models, *, textured: bool) -> dict[str, Any]:
    mesh: dict[str, Any] = {
        "model": models.model,
        "texture": textured,
        "pbr": textured and order.pbr,
    }
    if not models.is_low_poly:
        mesh["quad"] = False  # quads come as FBX alone, and GLB is promised
    if order.polycount is not None:
        mesh["face_limit"] = order.polycount
    return mesh


def _texture(order: Order, source: Task, models: Models) -> Step:
    body: dict[str, Any] = {
        "input": source.id,
        "model": models.texture,
        "texture": True,
        "pbr": order.pbr,
    }
    told = order.texture_prompt or order.prompt
    words = described(told, LONGEST_PROMPT, art_style=order.art_style)
    if words:
        body["texture_prompt"] = {"text": words}
    return _step("refine", "texture", body, 10)


def convert(order: Order, source: Task, format_: str) -> Step:
    body: dict[str, Any] = {"input": source.id, "format": FORMATS.get(format_, "GLTF")}
    if order.stage is Stage.REMESH and order.polycount is not None:
        body["face_limit"] = order.polycount
    if order.stage is Stage.RIG and format_ in ANIMATED:
        body["with_animation"] = True
    return _step(f"convert-{format_}", "convert", body, 5 if len(body) == 2 else 10)  # noqa: PLR2004  # plain, or with an option


def rig(source: Task, models: Models, facts: Mapping[str, Any]) -> Step:
    body = {
        "input": source.id,
        "model": models.rig,
        "rig_type": facts.get("rig_type", DEFAULT_RIG_TYPE),
        "spec": "tripo",
        "out_format": "glb",
    }
    return _step("rig", "rig", body, 25)


def slots_of(pictures: Sequence[Picture]) -> Mapping[Angle, Picture]:
    """One picture is the front whatever it shows. A first one without angle is the front."""
    if len(pictures) == 1:
        return {"front": pictures[0]}
    taken: dict[Angle, Picture] = {}
    for picture in pictures:
        if picture.angle in SLOTS:
            taken.setdefault(picture.angle, picture)
    for picture in pictures:
        free = [slot for slot in SLOTS if slot not in taken]
        if picture.angle is None and free:
            taken[free[0]] = picture
    return taken


def _step(
    name: str,
    resource: str,
    body: Mapping[str, Any],
    price: float,
    pictures: Sequence[Picture] = (),
) -> Step:
    content = dict(body)
    if pictures:
        content["pictures"] = [sha256(picture.data).hexdigest() for picture in pictures]
    return Step(name, resource, body, content, price)
