"""A task in the provider's books, with its plan, its product and what it cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.simulator.clock import Timer
from worker.simulator.plan import Moment, Phase, Plan
from worker.simulator.product import Product


@dataclass(frozen=True, slots=True)
class TaskError:
    type: str
    message: str
    code: str | int | None = None
    doc_url: str | None = None


@dataclass(slots=True, eq=False)
class Task:
    id: str
    resource: str
    kind: str
    """The provider's word for what it is: `text-to-3d-preview`, `texture_model`."""
    body: Mapping[str, Any]
    key: str
    plan: Plan
    product: Product
    price: float = 0
    pool: str = ""
    echo: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """What the provider remembers of it and does not show."""
    error: TaskError | None = None
    refunded: float = 0
    answer_delivered: bool = False
    announced: bool = False
    closed: bool = False
    deleted: bool = False
    timer: Timer | None = None
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def at(self, now: float) -> Moment:
        return self.plan.at(now)

    def phase(self, now: float) -> Phase:
        return self.plan.at(now).phase

    def ended(self, now: float) -> bool:
        return now >= self.plan.finished
