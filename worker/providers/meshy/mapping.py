"""Meshy's half of the client."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from worker.providers.call import Answer, Call, NoAnswer, Reply, Talk, settled
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, number, task_id, text
from worker.providers.meshy import listing, webhook
from worker.providers.meshy.failures import failure_of, gone, is_gone
from worker.providers.meshy.requests import step_of
from worker.providers.meshy.tasks import is_whole, task_state
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
    State,
    Unseen,
    Withdrawn,
)
from worker.providers.pace import Limit
from worker.providers.protocol import Done, Secrets
from worker.providers.redaction import clean_failure

DEFAULT_MODEL = "meshy-6"
REQUESTS_PER_SECOND = 20  # of every plan but Enterprise, which has 100


class Meshy:
    name = "MESHY"
    address = "https://api.meshy.ai"
    batch = 0

    def __init__(
        self, model: str = DEFAULT_MODEL, requests_per_second: int = REQUESTS_PER_SECOND
    ) -> None:
        """`latest` moves with each release, and with it price and look: so one is pinned."""
        self._model = model
        self.limits: Mapping[str, Limit] = {"any": evenly(requests_per_second)}

    def prepare(self, order: Order, done: Sequence[Done]) -> Talk[Ready | Complete | Failure]:
        if done:
            return settled(Complete(done[-1].result.output))
        step = step_of(order, self._model)
        return settled(step if isinstance(step, Failure) else Ready(step))

    def formats_left(self, order: Order, done: Sequence[Done]) -> tuple[str, ...]:  # noqa: ARG002  # one task makes them all
        return ()

    def creation(self, step: Step) -> Call:
        return Call("POST", _path(step.resource), body=step.body, paid=True)

    def accepted(self, step: Step, answer: Answer) -> Accepted | None:
        found = task_id(entries(answer.json()).get("result"))
        return Accepted(Task(step.resource, found)) if found else None

    def failure(self, reply: Reply) -> Failure:
        return failure_of(reply)

    def lookup(self, task: Task, *, urgent: bool = True) -> Call:
        return Call("GET", _path(task.resource, task.id), urgent=urgent)

    def state(self, task: Task, reply: Reply) -> State:
        if isinstance(reply, NoAnswer) or not (reply.succeeded or is_gone(reply)):
            return Unseen(failure_of(reply))
        if is_gone(reply):
            return Failed(gone(reply))
        return _state_of(task, entries(reply.json())) or Unseen(
            clean_failure(Kind.UNAVAILABLE, "the task can't be read", raw=reply.json())
        )

    def stream(self, task: Task) -> Call | None:
        return Call("GET", _path(task.resource, task.id) + "/stream", urgent=False)

    def event_state(self, task: Task, event: str, data: Any) -> State | None:
        shown = entries(data)
        return _state_of(task, shown) if event == "message" and is_whole(shown) else None

    def batch_lookup(self, tasks: Sequence[Task]) -> Call:
        raise NotImplementedError("MESHY has no such request")

    def batch_states(self, tasks: Sequence[Task], reply: Reply) -> Mapping[str, State]:
        raise NotImplementedError("MESHY has no such request")

    def cancel(self, task: Task) -> Talk[Withdrawn | NotStopped]:
        """Only what is PENDING can be withdrawn.

        Meshy refuses to stop what runs, and the same request deletes a finished task unpaid-back:
        so the task is looked at first.
        """
        if not _is_pending((yield self.lookup(task))):
            return NotStopped()
        reply = yield Call("DELETE", _path(task.resource, task.id))
        if isinstance(reply, Answer) and reply.succeeded:
            return Withdrawn()
        if not (isinstance(reply, Answer) and reply.refused):  # it may have been done
            after = yield self.lookup(task)
            if isinstance(after, Answer) and is_gone(after):
                return Withdrawn()
        return NotStopped(failure_of(reply))

    def search(self, step: Step, since: datetime) -> Talk[Listing | Failure]:
        return listing.search(_path(step.resource), step, since)

    def balance(self) -> Talk[Balance | Failure]:
        reply = yield Call("GET", "/openapi/v1/balance")
        if not isinstance(reply, Answer) or not reply.succeeded:
            return failure_of(reply)
        credits_ = number(entries(reply.json()).get("balance"))
        if credits_ is None:
            return clean_failure(Kind.UNAVAILABLE, "the balance can't be read", raw=reply.json())
        return Balance(credits_)

    def verify(
        self,
        headers: Mapping[str, str],
        body: bytes,
        secrets: Secrets,
        now: float,  # noqa: ARG002  # these are not dated
    ) -> Hint | Forged | Ignored:
        return webhook.verify(headers, body, secrets)


def evenly(requests_per_second: int) -> Limit:
    """A sixth below the limit, in small steps: of bursts of 18, two arrived within one second."""
    step = max(2, requests_per_second // 10)
    return Limit(step, 1.2 * step / requests_per_second)


def _path(resource: str, task: str = "") -> str:
    version = "v2" if resource == "text-to-3d" else "v1"
    path = f"/openapi/{version}/{quote(resource, safe='')}"
    return f"{path}/{quote(task, safe='')}" if task else path


def _state_of(task: Task, shown: Mapping[str, Any]) -> State | None:
    if shown.get("id", task.id) != task.id:
        return None  # somebody else's, from a cache on the way
    return task_state(shown)


def _is_pending(reply: Reply) -> bool:
    shown = reply.json() if isinstance(reply, Answer) and reply.succeeded else None
    return text(entries(shown).get("status")).upper() == "PENDING"
