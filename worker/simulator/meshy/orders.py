"""What a create call asks for, and what every kind of it is checked for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker.simulator import inputs
from worker.simulator.call import Refusal
from worker.simulator.fields import Field, InvalidField, check
from worker.simulator.inputs import BadInput, Input
from worker.simulator.meshy import errors
from worker.simulator.plan import Phase
from worker.simulator.product import Product
from worker.simulator.task import Task, TaskError

if TYPE_CHECKING:
    from worker.simulator.meshy.provider import Meshy

IMAGE_TYPES = ("image/png", "image/jpeg")
IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png")

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


def check_resolution(body: Body, model: str) -> None:
    if model == "meshy-5" and body.get("texture_resolution") in ("4k", "8k"):
        raise Refusal(400, "texture_resolution 4k and 8k are not available for meshy-5")


def textured(source: Product, formats: tuple[str, ...], *, pbr: bool) -> Product:
    return Product(source.seed, source.triangles, textured=True, pbr=pbr, formats=formats)


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


async def _image(value: str) -> Input:
    if not value.startswith("data:"):
        found = await inputs.fetch(value, IMAGE_EXTENSIONS)
    else:
        found = inputs.decode_data_uri(value, IMAGE_TYPES)
    if found.data is not None:
        inputs.read_picture(found.data, ("PNG", "JPEG"))
    return found
