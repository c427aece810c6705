"""What a provider's file consists of: pure mapping. `client.Client` does the I/O for all of them.

A third provider is one file that has these, and one line in `worker.providers.PROVIDERS`.
"""

from collections.abc import Mapping as Entries
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from worker.providers.call import Answer, Call, Reply, Talk
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
    Withdrawn,
)
from worker.providers.pace import Limit
from worker.providers.protocol import Done, Secrets


class Mapping(Protocol):
    name: str
    address: str
    """Where its API lives, without the path."""
    limits: Entries[str, Limit]
    batch: int
    """How many tasks one request can ask about; 0: each is asked about by itself."""

    def prepare(self, order: Order, done: Sequence[Done]) -> Talk[Ready | Complete | Failure]: ...

    def formats_left(self, order: Order, done: Sequence[Done]) -> tuple[str, ...]: ...

    def creation(self, step: Step) -> Call: ...

    def accepted(self, step: Step, answer: Answer) -> Accepted | Rejected | None:
        """What a 2xx to a paid request says. None: nothing that can be understood."""

    def failure(self, reply: Reply) -> Failure:
        """What any other answer, or none, means."""

    def lookup(self, task: Task, *, urgent: bool = True) -> Call: ...

    def state(self, task: Task, reply: Reply) -> State: ...

    def stream(self, task: Task) -> Call | None:
        """The request for a stream of events about this task, where there is one."""

    def event_state(self, task: Task, event: str, data: Any) -> State | None:
        """What an event of that stream says. None: nothing; the task should be looked up."""

    def batch_lookup(self, tasks: Sequence[Task]) -> Call: ...

    def batch_states(self, tasks: Sequence[Task], reply: Reply) -> Entries[str, State]:
        """By task id. One that the answer doesn't have is left out."""

    def cancel(self, task: Task) -> Talk[Withdrawn | NotStopped]: ...

    def search(self, step: Step, since: datetime) -> Talk[Listing | Failure]: ...

    def balance(self) -> Talk[Balance | Failure]: ...

    def verify(
        self, headers: Entries[str, str], body: bytes, secrets: Secrets, now: float
    ) -> Hint | Forged | Ignored: ...
