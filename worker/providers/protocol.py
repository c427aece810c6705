"""What the pipeline knows of a provider."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from worker.providers.failure import Failure
from worker.providers.order import Order, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Complete,
    Forged,
    Hint,
    Ignored,
    Listing,
    NotStopped,
    Ready,
    Rejected,
    State,
    Succeeded,
    Unknown,
    Withdrawn,
)


@dataclass(frozen=True, slots=True)
class Done:
    """A request of the same stage whose task has succeeded."""

    step: str
    task: Task
    result: Succeeded


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a webhook may be signed with: in clear, or only known by its SHA-256."""

    clear: tuple[str, ...] = field(default=(), repr=False)
    hashes: frozenset[str] = frozenset()


class Provider(Protocol):
    name: str

    async def prepare(self, order: Order, done: Sequence[Done] = ()) -> Ready | Complete | Failure:
        """The stage's next request, with its files uploaded. Buys nothing; may be repeated.

        Complete has the links of `done` as they were seen: `look` at its tasks for fresh ones.
        """

    def formats_left(self, order: Order, done: Sequence[Done]) -> tuple[str, ...]:
        """What the stage's remaining requests are for. None where its GLB is not made yet."""

    async def submit(self, step: Step) -> Accepted | Rejected | Unknown:
        """Sends one paid request, once. The caller has written it into the journal before.

        Never to be cancelled half-way: what the provider then did is unknown.
        """

    def watch(self, task: Task) -> AsyncGenerator[State, None]:
        """Every change until the task's end. `Unseen`: it could not be asked, and will be again.

        To be closed (`contextlib.aclosing`) by whoever leaves early. Closing the provider ends it.
        """

    def nudge(self, task_id: str) -> bool:
        """A hint came: ask now. False if nobody here watches that task."""

    async def look(self, task: Task) -> State:
        """The task's state now, with fresh links."""

    async def cancel(self, task: Task) -> Withdrawn | NotStopped: ...

    async def search(self, step: Step, since: datetime) -> Listing | Failure:
        """What the provider's list shows of requests like this one since then.

        Of the step it needs name, resource and content: what the journal has.
        """

    async def balance(self) -> Balance | Failure: ...

    def verify(
        self, headers: Mapping[str, str], body: bytes, secrets: Secrets
    ) -> Hint | Forged | Ignored:
        """A webhook of this provider. Its content is never believed; it only says where to look."""

    async def close(self) -> None: ...
