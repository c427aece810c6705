"""From a create call's body to what is to be made, at which price; or the reason why not."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker.simulator import inputs
from worker.simulator.call import Refusal
from worker.simulator.fields import Field, InvalidField, check
from worker.simulator.inputs import BadInput, Input
from worker.simulator.meshy import errors, models, tables
from worker.simulator.plan import Phase
from worker.simulator.product import Product
from worker.simulator.task import Task, TaskError

if TYPE_CHECKING:
    from worker.simulator.meshy.provider import Meshy

IMAGE_TYPES = ("image/png", "image/jpeg")
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png")
MODEL_TYPES = ("application/octet-stream",)
MODEL_EXTENSIONS = (".glb", ".gltf", ".obj", ".fbx", ".stl")
MAX_RIGGED_TRIANGLES = 300_000
GLB_MAGIC = b"glTF"
MODELS = frozenset({"text-to-3d", "image-to-3d", "multi-image-to-3d", "retexture"})
CONVERTIBLE = MODELS | {"remesh", "convert", "rigging"}
SECONDS_A_FORMAT = 2.0

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    price: float
    seconds: float
    product: Product
    echo: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    failure: TaskError | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A body, and the account that asks."""

    meshy: "Meshy"
    body: Body
    key: str

    def checked(self, fields: Mapping[str, Field]) -> None:
        try:
            check(self.body, fields)
        except InvalidField as error:
            raise Refusal(400, f"Invalid request: {error}") from None

    def source(self, name: str, resources: frozenset[str]) -> Task:
        task_id = self.body[name]
        if not _is_uuid(task_id):
            raise Refusal(400, f"Invalid {name}: {task_id}")
        task = self.meshy.task(task_id, self.key)
        if task is None:
            raise Refusal(404, f"{name}: {errors.NO_TASK}")
        if task.resource not in resources:
            raise Refusal(400, f"{name}: a {task.kind} task can't be used here")
        if task.phase(self.meshy.clock.seconds()) is not Phase.SUCCEEDED:
            raise Refusal(400, f"{name}: the task has not succeeded")
        return task

    async def image(self, name: str, value: str) -> Input:
        try:
            found = await _image(value)
        except BadInput as error:
            raise Refusal(400, f"Invalid {name}: {error}") from None
        return found

    def formats(self, default: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.body.get("target_formats") or default))

    def is_on(self, name: str, *, default: bool = False) -> bool:
        value = self.body.get(name)
        return default if value is None else bool(value)


Reader = Callable[[Asking], Awaitable[Order]]


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
    _check_resolution(body, model)
    await _check_texture_image(asking)
    formats = asking.formats(tables.DEFAULT_FORMATS)
    return Order(
        "text-to-3d-refine",
        models.texture_price(body),
        336 + SECONDS_A_FORMAT * len(formats),
        _textured(preview.product, formats, pbr=asking.is_on("enable_pbr")),
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
    textured = asking.is_on("should_texture", default=True)
    if asking.is_on("enable_pbr") and not textured:
        raise Refusal(400, "enable_pbr needs should_texture")
    model = models.resolve(body, dialect)
    _check_resolution(body, model)
    await _check_texture_image(asking)
    await _check_texture_images(asking, model)
    formats = asking.formats(tables.DEFAULT_FORMATS)
    pbr = asking.is_on("enable_pbr")
    triangles = models.triangles(body, model, dialect)
    return Order(
        kind,
        models.image_price(body, model, textured=textured),
        64 + (150 if textured else 0) + SECONDS_A_FORMAT * len(formats),
        Product(seed, triangles, textured, pbr, formats),
        _echo(body),
        {"ai_model": model, "emission": textured and _has_emission(body, model)},
    )


async def remesh(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.REMESH)
    if (
        sum(bool(body.get(name)) for name in ("resize_height", "resize_longest_side", "auto_size"))
        > 1
    ):
        raise Refusal(400, "resize_height, resize_longest_side and auto_size exclude each other")
    if body.get("convert_format_only") and not body.get("target_formats"):
        raise Refusal(400, "target_formats is required with convert_format_only")
    source, failure = await _model(asking, MODELS)
    triangles = source.triangles if body.get("convert_format_only") else models.remeshed(body)
    product = _like(source, asking.formats(("glb",)), triangles)
    return Order(
        "remesh", 5, 30 + SECONDS_A_FORMAT * len(product.formats), product, failure=failure
    )


async def convert(asking: Asking) -> Order:
    asking.checked(tables.CONVERT)
    source, failure = await _model(asking, CONVERTIBLE)
    product = _like(source, asking.formats(("glb",)), source.triangles)
    return Order("convert", 1, 10, product, failure=failure)


async def retexture(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.RETEXTURE)
    styles = ("text_style_prompt", "image_style_url", "multiview_image_urls")
    if not any(body.get(name) for name in styles):
        raise Refusal(400, "One of text_style_prompt, image_style_url is required")
    if body.get("image_style_url"):
        await asking.image("image_style_url", body["image_style_url"])
    model = models.resolve(body, asking.meshy.dialect)
    _check_resolution(body, model)
    source, failure = await _model(asking, MODELS | {"remesh"})
    formats = asking.formats(tables.DEFAULT_FORMATS)
    product = _textured(source, formats, pbr=asking.is_on("enable_pbr"))
    return Order("retexture", models.texture_price(body), 200, product, failure=failure)


async def rigging(asking: Asking) -> Order:
    asking.checked(tables.RIG)
    if asking.key == asking.meshy.test_key:
        raise Refusal(422, errors.POSE)
    source, failure = await _model(asking, CONVERTIBLE - {"rigging"}, (".glb",))
    if (source.triangles or 0) > MAX_RIGGED_TRIANGLES:
        raise Refusal(400, f"The model has more than {MAX_RIGGED_TRIANGLES} faces: remesh it first")
    product = _like(source, ("glb", "fbx"), source.triangles)
    return Order("rig", 5, 40, product, failure=failure)


READERS: dict[str, Reader] = {
    "text-to-3d": text_to_3d,
    "image-to-3d": image_to_3d,
    "multi-image-to-3d": multi_image_to_3d,
    "remesh": remesh,
    "retexture": retexture,
    "rigging": rigging,
    "convert": convert,
}


async def _model(
    asking: Asking, resources: frozenset[str], extensions: tuple[str, ...] = MODEL_EXTENSIONS
) -> tuple[Product, TaskError | None]:
    if asking.body.get("input_task_id"):
        return asking.source("input_task_id", resources).product, None
    url = asking.body.get("model_url")
    if not url:
        raise Refusal(400, "Invalid request: input_task_id or model_url is required")
    try:
        found = await _model_input(url, extensions)
    except BadInput as error:
        message = str(error).replace("Invalid file extension", "Invalid model file extension")
        raise Refusal(400, message) from None
    return Product(found.digest, None, textured=True), _what_fails(found)


async def _model_input(value: str, extensions: tuple[str, ...]) -> Input:
    if value.startswith("data:"):
        return inputs.decode_data_uri(value, MODEL_TYPES)
    return await inputs.fetch(value, extensions)


def _what_fails(found: Input) -> TaskError | None:
    if found.data is None:
        return None
    if not found.data:
        return errors.corrupt("The model file is empty")
    if b"EXT_meshopt_compression" in found.data[:1_000_000]:
        return errors.corrupt("Meshopt-compressed models are not supported")
    return None if found.data.startswith(GLB_MAGIC) else errors.corrupt("The model file is corrupt")


async def _image(value: str) -> Input:
    if not value.startswith("data:"):
        found = await inputs.fetch(value, IMAGE_EXTENSIONS)
    else:
        found = inputs.decode_data_uri(value, IMAGE_TYPES)
    if found.data is not None:
        inputs.read_picture(found.data, ("PNG", "JPEG"))
    return found


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


def _check_resolution(body: Body, model: str) -> None:
    if model == "meshy-5" and body.get("texture_resolution") in ("4k", "8k"):
        raise Refusal(400, "texture_resolution 4k and 8k are not available for meshy-5")


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


def _textured(source: Product, formats: tuple[str, ...], *, pbr: bool) -> Product:
    return Product(source.seed, source.triangles, textured=True, pbr=pbr, formats=formats)


def _like(source: Product, formats: tuple[str, ...], triangles: int | None) -> Product:
    return Product(source.seed, triangles, source.textured, source.pbr, formats)


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
