"""Orders that make a model: from words, from a preview, from pictures."""

from typing import Any

from worker.simulator.call import Refusal
from worker.simulator.meshy import models, tables
from worker.simulator.meshy.orders import Asking, Body, Order, check_resolution, textured
from worker.simulator.product import Product

SECONDS_A_FORMAT = 2.0


async def text_to_3d(asking: Asking) -> Order:
    if asking.body.get("mode") == "refine":
        return await _refine(asking)
    return _preview(asking)


def _preview(asking: Asking) -> Order:
    body, dialect = asking.body, asking.meshy.dialect
    asking.checked(tables.PREVIEW)
    if len(body["prompt"]) > dialect.prompt_limit:
        raise Refusal(400, f"prompt must be at most {dialect.prompt_limit} characters")
    if body.get("seed") is not None and not dialect.seed_accepted:
        raise Refusal(400, "seed is not a field of this request")
    model = models.resolve(body, dialect)
    formats = asking.formats(tables.DEFAULT_FORMATS)
    triangles = models.triangles(body, model, dialect)
    return Order(
        "text-to-3d-preview",
        models.preview_price(body, model),
        87 + SECONDS_A_FORMAT * len(formats),
        Product(f"{body['prompt']}:{body.get('seed', '')}", triangles, False, formats=formats),  # noqa: FBT003
        {**_echo(body), "prompt": body["prompt"]},
        {"ai_model": model},
    )


async def _refine(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.REFINE)
    preview = asking.source("preview_task_id", frozenset({"text-to-3d"}))
    if preview.kind != "text-to-3d-preview":
        raise Refusal(400, "preview_task_id: the task is not a preview")
    model = preview.facts["ai_model"]
    if body.get("ai_model") is not None and models.resolve(body, asking.meshy.dialect) != model:
        raise Refusal(400, f"ai_model: model mismatch, the preview was made by {model}")
    check_resolution(body, model)
    await _check_texture_image(asking)
    formats = asking.formats(tables.DEFAULT_FORMATS)
    return Order(
        "text-to-3d-refine",
        models.texture_price(body),
        336 + SECONDS_A_FORMAT * len(formats),
        textured(preview.product, formats, pbr=asking.is_on("enable_pbr")),
        {**_echo(body), "prompt": preview.echo["prompt"]},
        {"ai_model": model, "emission": _has_emission(body, model)},
    )


async def image_to_3d(asking: Asking) -> Order:
    asking.checked(tables.FROM_IMAGE)
    if asking.body.get("input_task_id"):
        asking.source("input_task_id", frozenset({"text-to-image", "image-to-image"}))
    if not asking.body.get("image_url"):
        raise Refusal(400, "Invalid request: image_url or input_task_id is required")
    image = await asking.image("image_url", asking.body["image_url"])
    return await _from_images(asking, "image-to-3d", image.digest)


async def multi_image_to_3d(asking: Asking) -> Order:
    asking.checked(tables.FROM_IMAGES)
    body = asking.body
    if body.get("input_task_id"):
        asking.source("input_task_id", frozenset({"text-to-image", "image-to-image"}))
    if not body.get("image_urls"):
        raise Refusal(400, "Invalid request: image_urls or input_task_id is required")
    images = [
        await asking.image(f"image_urls[{position}]", value)
        for position, value in enumerate(body["image_urls"])
    ]
    return await _from_images(asking, "multi-image-to-3d", ":".join(i.digest for i in images))


async def _from_images(asking: Asking, kind: str, seed: str) -> Order:
    body, dialect = asking.body, asking.meshy.dialect
    with_texture = asking.is_on("should_texture", default=True)
    if asking.is_on("enable_pbr") and not with_texture:
        raise Refusal(400, "enable_pbr needs should_texture")
    model = models.resolve(body, dialect)
    check_resolution(body, model)
    await _check_texture_image(asking)
    await _check_texture_images(asking, model)
    formats = asking.formats(tables.DEFAULT_FORMATS)
    pbr = asking.is_on("enable_pbr")
    triangles = models.triangles(body, model, dialect)
    return Order(
        kind,
        models.image_price(body, model, textured=with_texture),
        64 + (150 if with_texture else 0) + SECONDS_A_FORMAT * len(formats),
        Product(seed, triangles, with_texture, pbr, formats),
        _echo(body),
        {"ai_model": model, "emission": with_texture and _has_emission(body, model)},
    )


async def _check_texture_image(asking: Asking) -> None:
    if asking.body.get("texture_image_url") and not asking.body.get("texture_prompt"):
        await asking.image("texture_image_url", asking.body["texture_image_url"])


async def _check_texture_images(asking: Asking, model: str) -> None:
    body = asking.body
    if not body.get("texture_image_urls"):
        return
    if not model.startswith("meshy-7"):
        raise Refusal(400, f"texture_image_urls is not available for {model}")
    if body.get("texture_prompt") or body.get("texture_image_url"):
        raise Refusal(400, "texture_image_urls excludes texture_prompt and texture_image_url")
    for position, value in enumerate(body["texture_image_urls"]):
        await asking.image(f"texture_image_urls[{position}]", value)


def _has_emission(body: Body, model: str) -> bool:
    return bool(
        body.get("enable_pbr") and model == "meshy-6" and body.get("texture_resolution") != "8k"
    )


def _echo(body: Body) -> dict[str, Any]:
    """Pictures sent as bytes are not shown again."""
    image = body.get("texture_image_url") or ""
    return {
        "texture_prompt": body.get("texture_prompt") or "",
        "texture_image_url": "" if image.startswith("data:") else image,
    }
