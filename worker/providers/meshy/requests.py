"""A stage's order as the body of a Meshy request.

Everything is said explicitly where Meshy's documentation contradicts itself or its defaults move:
what `latest` means, `should_remesh`, `enable_pbr`, the formats.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from worker.providers.failure import Failure, Kind
from worker.providers.order import Order, Picture, Stage, Step
from worker.providers.redaction import clean_failure
from worker.providers.wording import described, trimmed

LONGEST_PROMPT = 600
MOST_PICTURES = 4
POLYCOUNTS = (100, 300_000)
DEFAULT_POLYCOUNT = 30_000
HEIGHT_METERS = 1.7
FORMATS = frozenset({"glb", "obj", "fbx", "stl", "usdz", "3mf"})

# These models know `art_style`, and only these styles; later ones ignore it.
STYLED_MODELS = frozenset({"meshy-5"})
STYLES = frozenset({"realistic", "sculpture"})
CHEAP_MODELS = frozenset({"meshy-5", "meshy-6-lite"})


def step_of(order: Order, model: str) -> Step | Failure:
    step = _step_of(order, model)
    return step or clean_failure(
        Kind.INVALID_REQUEST, f"MESHY can't do {order.stage} with what this order has"
    )


def _step_of(order: Order, model: str) -> Step | None:
    match order.stage:
        case Stage.PREVIEW if order.prompt.strip():
            return _preview(order, model)
        case Stage.GENERATE if order.pictures:
            return _generate(order, model)
        case Stage.REFINE | Stage.REMESH | Stage.RIG if order.source:
            return _process(order, order.source.id, model)
        case _:
            return None


def _process(order: Order, source: str, model: str) -> Step:
    match order.stage:
        case Stage.REFINE:
            return _refine(order, model, source)
        case Stage.REMESH:
            return _remesh(order, source)
        case _:
            return _rig(source)


def _preview(order: Order, model: str) -> Step:
    styled = model in STYLED_MODELS and order.art_style.strip().lower() in STYLES
    body: dict[str, Any] = {
        "mode": "preview",
        "prompt": described(
            order.prompt,
            LONGEST_PROMPT,
            art_style="" if styled else order.art_style,
            without=order.negative_prompt,  # the field of that name has no effect any more
        ),
        "ai_model": model,
        **_mesh(order),
        **_common(order),
    }
    if styled:
        body["art_style"] = order.art_style.strip().lower()
    return Step("preview", "text-to-3d", body, body, 5 if model in CHEAP_MODELS else 20)


def _refine(order: Order, model: str, source: str) -> Step:
    body: dict[str, Any] = {
        "mode": "refine",
        "preview_task_id": source,
        "enable_pbr": order.pbr,
        "ai_model": model,
        **_common(order),
    }
    if order.texture_prompt.strip():
        body["texture_prompt"] = trimmed(order.texture_prompt, LONGEST_PROMPT)
    # The list shows a refine under its preview's prompt.
    shown = {**body, "prompt": _preview(order, model).body["prompt"]}
    return Step("refine", "text-to-3d", body, shown, 10)


def _generate(order: Order, model: str) -> Step:
    """Several pictures: the front first."""
    pictures = sorted(order.pictures, key=lambda picture: picture.angle != "front")[:MOST_PICTURES]
    sent = [_data_uri(picture) for picture in pictures]
    options = _image_options(order, model)
    # The list shows no picture: what it was is told by digest, for people who compare.
    shown = {**options, "pictures": [sha256(picture.data).hexdigest() for picture in pictures]}
    price = _image_price(order, model)
    if len(sent) == 1:
        return Step("generate", "image-to-3d", {"image_url": sent[0], **options}, shown, price)
    return Step("generate", "multi-image-to-3d", {"image_urls": sent, **options}, shown, price)


def _image_options(order: Order, model: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "ai_model": model,
        "should_texture": order.textured,
        **_mesh(order),
        **_common(order),
    }
    if order.textured:
        options["enable_pbr"] = order.pbr
        told = order.texture_prompt or order.prompt
        prompt = described(told, LONGEST_PROMPT, art_style=order.art_style)
        if prompt:
            options["texture_prompt"] = prompt
    return options


def _image_price(order: Order, model: str) -> int:
    if model in CHEAP_MODELS:
        return 15 if order.textured else 5
    return 30 if order.textured else 20


def _remesh(order: Order, source: str) -> Step:
    body = {
        "input_task_id": source,
        "topology": order.topology,
        "target_polycount": _polycount(order),
        "target_formats": _formats(order),
    }
    return Step("remesh", "remesh", body, body, 5)


def _rig(source: str) -> Step:
    body = {"input_task_id": source, "height_meters": HEIGHT_METERS}
    return Step("rig", "rigging", body, body, 5)


def _mesh(order: Order) -> dict[str, Any]:
    if order.polycount is None and order.topology == "triangle":
        return {"should_remesh": False}
    return {
        "should_remesh": True,
        "topology": order.topology,
        "target_polycount": _polycount(order),
    }


def _common(order: Order) -> dict[str, Any]:
    return {"moderation": order.moderation, "target_formats": _formats(order)}


def _polycount(order: Order) -> int:
    least, most = POLYCOUNTS
    return min(max(order.polycount or DEFAULT_POLYCOUNT, least), most)


def _formats(order: Order) -> list[str]:
    return ["glb", *(each for each in order.formats if each in FORMATS and each != "glb")]


def _data_uri(picture: Picture) -> str:
    return f"data:{picture.content_type};base64,{b64encode(picture.data).decode()}"
