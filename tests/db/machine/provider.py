"""The AI provider as it really is, whatever the database believes of it."""

from dataclasses import dataclass, field
from enum import Enum

from tests.support.engine import Worker


class Fate(Enum):
    FLYING = "sent; the provider may still accept it"
    LANDED = "the provider made a task of it"
    NOTHING = "refused, or proved never to have arrived"


@dataclass
class Request:
    """A paid request, as its sender and its provider know it."""

    sender: Worker
    run: int
    n: int
    fate: Fate = Fate.FLYING
    task: str = ""
    answered: bool = False  # its sender knows its fate, or has given up asking


@dataclass
class Provider:
    requests: dict[tuple[int, int], Request] = field(default_factory=dict)
    tasks: dict[str, Request] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def send(self, sender: Worker, run: int, n: int) -> None:
        assert (run, n) not in self.requests, "the same request was sent twice"
        self.requests[run, n] = Request(sender, run, n)

    def accept(self, request: Request) -> None:
        request.fate = Fate.LANDED
        request.task = f"task-{len(self.tasks) + 1}"
        self.tasks[request.task] = request

    def end(self, task: str, outcome: str) -> None:
        assert task not in self.ended
        self.ended[task] = outcome

    @property
    def live(self) -> list[str]:
        return [task for task in self.tasks if task not in self.ended]

    @property
    def flying(self) -> list[Request]:
        return [request for request in self.requests.values() if request.fate is Fate.FLYING]

    @property
    def unanswered(self) -> list[Request]:
        return [request for request in self.requests.values() if not request.answered]

    def outcome(self, task: str | None) -> str | None:
        """How a task ended; None while it runs, or where there is none."""
        return self.ended.get(task or "")

    def forget(self, runs: set[int]) -> None:
        """These runs were purged."""
        for run, n in list(self.requests):
            if run in runs:
                del self.requests[run, n]
