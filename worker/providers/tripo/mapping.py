"""Tripo's half of the client."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from worker.providers.call import Answer, Call, Reply, Talk, settled
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, number, task_id
from worker.providers.order import Order, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Complete,
    Failed,
    Forged,
    Hint,
    Ignored,
    Listing,
    NotStopped,
    Ready,
    Rejected,
    State,
    Unseen,
    Withdrawn,
)
from worker.providers.pace import Limit
from worker.providers.protocol import Done, Secrets
from worker.providers.redaction import clean_failure
from worker.providers.tripo import stages, usage, webhook
from worker.providers.tripo.failures import failure_of, is_gone, is_refusal
from worker.providers.tripo.requests import (
    DEFAULT_MODEL,
    DEFAULT_RIG_MODEL,
    DEFAULT_TEXTURE_MODEL,
    PATHS,
    Models,
)
from worker.providers.tripo.tasks import task_state


class Tripo:
    name = "TRIPO"
    address = "https://openapi.tripo3d.ai"
    batch = 100
    limits: Mapping[str, Limit] = {
        # A minute's limit, and two seconds more: what is sent evenly may arrive closer.
        "generation": Limit(180, 62),  # about 200 are allowed
        "processing": Limit(45, 62),  # about 50
        "upload": Limit(9, 62),  # about 10
        "read": Limit(10, 1),  # no limit is published
    }

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        texture_model: str = DEFAULT_TEXTURE_MODEL,
        rig_model: str = DEFAULT_RIG_MODEL,
    ) -> None:
        self._models = Models(model, texture_model, rig_model)

    def prepare(self, order: Order, done: Sequence[Done]) -> Talk[Ready | Complete | Failure]:
        return stages.prepare(order, done, self._models)

    def formats_left(self, order: Order, done: Sequence[Done]) -> tuple[str, ...]:
        return stages.formats_left(order, done)

    def creation(self, step: Step) -> Call:
        path = PATHS.get(step.resource, f"/v3/{quote(step.resource)}")
        pace = "processing" if path.startswith("/v3/models/") else "generation"
        return Call("POST", path, body=step.body, paid=True, pace=pace)

    def accepted(self, step: Step, answer: Answer) -> Accepted | Rejected | None:
        found = task_id(entries(entries(answer.json()).get("data")).get("task_id"))
        if found:
            return Accepted(Task(step.resource, found))
        return Rejected(failure_of(answer)) if is_refusal(answer) else None

    def failure(self, reply: Reply) -> Failure:
        return failure_of(reply)

    def lookup(self, task: Task, *, urgent: bool = True) -> Call:
        return Call("GET", f"/v3/tasks/{quote(task.id, safe='')}", pace="read", urgent=urgent)

    def state(self, task: Task, reply: Reply) -> State:
        if is_gone(reply):
            return Failed(failure_of(reply))
        if not isinstance(reply, Answer) or not reply.succeeded:
            return Unseen(failure_of(reply))
        shown = entries(entries(reply.json()).get("data"))
        return _state_of(task, shown) or Unseen(failure_of(reply))

    def stream(self, task: Task) -> None:  # noqa: ARG002  # Tripo v3 has none
        return None

    def event_state(self, task: Task, event: str, data: Any) -> State | None:
        raise NotImplementedError("TRIPO has no streams")

    def batch_lookup(self, tasks: Sequence[Task]) -> Call:
        return usage.list_call([task.id for task in tasks])

    def batch_states(self, tasks: Sequence[Task], reply: Reply) -> Mapping[str, State]:
        if not isinstance(reply, Answer) or not reply.succeeded:
            unseen = Unseen(failure_of(reply))
            return {task.id: unseen for task in tasks}
        shown = usage.listed(reply)
        states = {task.id: _state_of(task, shown.get(task.id, {})) for task in tasks}
        return {name: state for name, state in states.items() if state}

    def cancel(self, task: Task) -> Talk[Withdrawn | NotStopped]:  # noqa: ARG002  # Tripo has no cancel
        return settled(NotStopped())

    def search(self, step: Step, since: datetime) -> Talk[Listing | Failure]:
        return usage.search(step, since)

    def balance(self) -> Talk[Balance | Failure]:
        """What is frozen for tasks on the way is not part of it."""
        reply = yield Call("GET", "/v3/account/balance", pace="read")
        if not isinstance(reply, Answer) or not reply.succeeded:
            return failure_of(reply)
        credits_ = number(entries(entries(reply.json()).get("data")).get("balance"))
        if credits_ is None:
            return clean_failure(Kind.UNAVAILABLE, "the balance can't be read", raw=reply.json())
        return Balance(credits_)

    def verify(
        self, headers: Mapping[str, str], body: bytes, secrets: Secrets, now: float
    ) -> Hint | Forged | Ignored:
        return webhook.verify(headers, body, secrets, now)


def _state_of(task: Task, shown: Mapping[str, Any]) -> State | None:
    if shown.get("task_id", task.id) != task.id:
        return None  # somebody else's, from a cache on the way
    return task_state(shown)
