"""Orders that work on a finished model."""

from worker.simulator import inputs
from worker.simulator.call import Refusal
from worker.simulator.inputs import BadInput, Input
from worker.simulator.meshy import errors, models, tables
from worker.simulator.meshy.orders import Asking, Order, check_resolution, textured
from worker.simulator.product import Product
from worker.simulator.task import TaskError

MODEL_TYPES = ("application/octet-stream",)
MODEL_EXTENSIONS = (".glb", ".gltf", ".obj", ".fbx", ".stl")
MAX_RIGGED_TRIANGLES = 300_000
GLB_MAGIC = b"glTF"
MODELS = frozenset({"text-to-3d", "image-to-3d", "multi-image-to-3d", "retexture"})
CONVERTIBLE = MODELS | {"remesh", "convert", "rigging"}
SECONDS_A_FORMAT = 2.0


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
    check_resolution(body, model)
    source, failure = await _model(asking, MODELS | {"remesh"})
    formats = asking.formats(tables.DEFAULT_FORMATS)
    product = textured(source, formats, pbr=asking.is_on("enable_pbr"))
    return Order("retexture", models.texture_price(body), 200, product, failure=failure)


async def rigging(asking: Asking) -> Order:
    asking.checked(tables.RIG)
    if asking.key == asking.meshy.test_key:
        raise Refusal(errors.UNPOSED, errors.POSE)
    source, failure = await _model(asking, CONVERTIBLE - {"rigging"}, (".glb",))
    if (source.triangles or 0) > MAX_RIGGED_TRIANGLES:
        raise Refusal(400, f"The model has more than {MAX_RIGGED_TRIANGLES} faces: remesh it first")
    product = _like(source, ("glb", "fbx"), source.triangles)
    return Order("rig", 5, 40, product, failure=failure)


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


def _like(source: Product, formats: tuple[str, ...], triangles: int | None) -> Product:
    return Product(source.seed, triangles, source.textured, source.pbr, formats)
