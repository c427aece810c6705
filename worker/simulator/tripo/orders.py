"""From a create call's body to what is to be made, at which price; or the reason why not."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker.simulator.fields import Field, InvalidField, check
from worker.simulator.plan import Phase
from worker.simulator.product import Product
from worker.simulator.task import Task
from worker.simulator.tripo import errors, prices, tables
from worker.simulator.tripo.reference import read_reference
from worker.simulator.tripo.views import read_views

if TYPE_CHECKING:
    from worker.simulator.tripo.provider import Tripo

LOW_POLY_TRIANGLES = 5_000
GENERATED = frozenset({"text-to-model", "image-to-model", "multiview-to-model"})
MODELS = GENERATED | {"texture", "convert", "rig"}
FACE_LIMITS = {"P1-20260311": (48, 20_000), "P2-20260801": (48, 50_000)}
SMART_LIMITS = {False: (500, 20_000), True: (500, 10_000)}
NOT_FOR_P_SERIES = ("quad", "smart_low_poly", "generate_parts", "geometry_quality")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    pool: str
    price: float
    seconds: float
    product: Product
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    tripo: "Tripo"
    body: Body

    def checked(self, fields: Mapping[str, Field]) -> None:
        unknown = sorted(set(self.body) - set(fields))
        if unknown and self.tripo.dialect.unknown_fields_refused:
            raise errors.invalid(f"Unknown parameter: {', '.join(unknown)}")
        try:
            check(self.body, fields)
        except InvalidField as error:
            raise errors.invalid(f"Invalid parameter: {error}") from None

    def source(self, resources: frozenset[str]) -> Task:
        given = self.body.get("input") or self.body.get("original_model_task_id")
        if not given:
            raise errors.invalid("Invalid parameter: input is required")
        task = self.tripo.tasks.get(_uuid(given))
        if task is None:
            raise errors.no_task()
        if task.resource not in resources:
            raise errors.wrong_source()
        if task.phase(self.tripo.clock.seconds()) is not Phase.SUCCEEDED:
            raise errors.source_not_done()
        return task


Reader = Callable[[Asking], Awaitable[Order]]


async def text_to_model(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.FROM_TEXT)
    if not body["prompt"].strip():
        raise errors.invalid("Invalid parameter: prompt must not be empty")
    if body.get("style_image"):
        await read_reference(asking.tripo, body["style_image"])
    seed = f"{body['prompt']}:{body.get('model_seed', '')}"
    return _model(asking, "text_to_model", 10, seed)


async def image_to_model(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.FROM_IMAGE)
    if (body.get("input") is None) == (body.get("file") is None):
        raise errors.invalid("Invalid parameter: exactly one of input and file is required")
    given = body["input"] if body.get("input") is not None else body["file"]
    return _model(asking, "image_to_model", 20, await read_reference(asking.tripo, given))


async def multiview_to_model(asking: Asking) -> Order:
    asking.checked(tables.FROM_VIEWS)
    return _model(asking, "multiview_to_model", 20, await read_views(asking.tripo, asking.body))


def _model(asking: Asking, kind: str, plain: int, seed: str) -> Order:
    body = asking.body
    _check_combination(body)
    _check_face_limit(body)
    textured = prices.textured(body)
    quad = bool(body.get("quad"))
    product = Product(
        seed,
        _triangles(asking),
        textured,
        textured and body.get("pbr") is not False,
        ("fbx",) if quad else ("glb",),  # quads force FBX
    )
    is_p = body["model"] in tables.P_SERIES
    pool = "p_series" if is_p else "model"
    return Order(kind, pool, prices.of_model(body, plain), 90 if textured else 45, product)


def _triangles(asking: Asking) -> int:
    body = asking.body
    low = body["model"] in tables.P_SERIES or body.get("smart_low_poly")
    unasked = LOW_POLY_TRIANGLES if low else asking.tripo.dialect.raw_triangles
    return body.get("face_limit") or unasked


def _check_combination(body: Body) -> None:
    model = body["model"]
    if model in tables.P_SERIES and (given := _given(body, NOT_FOR_P_SERIES)):
        raise errors.invalid(f"{', '.join(given)} not supported by model {model}")
    if model == "v2.5-20250123" and body.get("geometry_quality"):
        raise errors.invalid("geometry_quality needs model v3.0 or newer")
    if body.get("generate_parts") and (prices.textured(body) or body.get("quad")):
        raise errors.invalid("generate_parts needs texture=false, pbr=false and no quad")


def _given(body: Body, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if body.get(name) is not None]


def _check_face_limit(body: Body) -> None:
    limit = body.get("face_limit")
    if limit is None:
        return
    smart = SMART_LIMITS[bool(body.get("quad"))] if body.get("smart_low_poly") else None
    low, high = smart or FACE_LIMITS.get(body["model"], (1, limit))
    if not low <= limit <= high:
        raise errors.invalid(f"Invalid parameter: face_limit must be between {low} and {high}")


async def texture(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.TEXTURE)
    source = asking.source(MODELS)
    await _check_texture_prompt(asking)
    pbr = body.get("pbr") is not False
    product = replace(source.product, textured=True, pbr=pbr, formats=("glb",))
    return Order("texture_model", "processing", prices.of_texture(body), 60, product)


async def _check_texture_prompt(asking: Asking) -> None:
    prompt = asking.body.get("texture_prompt") or {}
    unknown = set(prompt) - {"text", "image", "images", "style_image"}
    if unknown:
        raise errors.invalid(f"Unknown parameter: texture_prompt.{', '.join(sorted(unknown))}")
    for name in ("image", "style_image"):
        if prompt.get(name):
            await read_reference(asking.tripo, prompt[name])


async def convert(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.CONVERT)
    source = asking.source(MODELS)
    made = body["format"].lower()
    if made == "gltf" and asking.tripo.dialect.gltf_as_glb:
        made = "glb"
    triangles = body.get("face_limit") or source.product.triangles
    product = replace(source.product, triangles=triangles, formats=(made,))
    return Order("convert_model", "processing", prices.of_convert(body), 15, product)


async def rig_check(asking: Asking) -> Order:
    asking.checked(tables.RIG_CHECK)
    source = asking.source(MODELS)
    facts = {"riggable": asking.tripo.dialect.riggable}
    return Order("animate_prerigcheck", "animation", 0, 5, source.product, facts)


async def rig(asking: Asking) -> Order:
    body = asking.body
    asking.checked(tables.RIG)
    source = asking.source(MODELS - {"rig"})
    product = replace(source.product, formats=(body.get("out_format") or "glb",))
    facts = {"rig_type": body.get("rig_type") or "biped"}
    return Order("animate_rig", "animation", 25, 45, product, facts)


READERS: dict[str, Reader] = {
    "generation/text-to-model": text_to_model,
    "generation/image-to-model": image_to_model,
    "generation/multiview-to-model": multiview_to_model,
    "models/texture": texture,
    "models/convert": convert,
    "animations/rig-check": rig_check,
    "animations/rig": rig,
}


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise errors.invalid("Invalid parameter: input must be the id of a task") from None
