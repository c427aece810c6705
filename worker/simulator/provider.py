"""What the simulated providers have in common: tasks, money, time and webhooks."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar
from uuid import UUID, uuid4

from starlette.types import ASGIApp

from worker.simulator.account import Account, KeyRing
from worker.simulator.book import BookedRequest, Ledger
from worker.simulator.call import Call, Endpoint, Refusal
from worker.simulator.clock import Clock
from worker.simulator.downloads import answer_download, denied
from worker.simulator.errors import SimulatorError
from worker.simulator.fault import Fault, Operation, ProviderName
from worker.simulator.links import Links
from worker.simulator.plan import Phase
from worker.simulator.product import Workshop
from worker.simulator.script import Rule, Script
from worker.simulator.task import Task, TaskError
from worker.simulator.webhooks import Hook, Parcel, Webhooks

PHASES = {
    "succeeded": Phase.SUCCEEDED,
    "success": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "canceled": Phase.CANCELED,
    "cancelled": Phase.CANCELED,
    "expired": Phase.EXPIRED,
    "running": Phase.RUNNING,
    "in_progress": Phase.RUNNING,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the providers of one simulator share."""

    seed: int
    clock: Clock
    script: Script
    workshop: Workshop


class Provider(ABC):
    name: ClassVar[ProviderName]
    key_prefix: ClassVar[str]
    cdn: ClassVar[str]
    longest_queue: ClassVar[int]
    account: Account
    nowhere: Endpoint
    """Where a request ends that no endpoint answers."""

    def __init__(self, around: Surroundings) -> None:
        self._seed = around.seed
        self.clock = around.clock
        self.script = around.script
        self.workshop = around.workshop
        self.url = ""
        self._made = 0
        self.tasks: dict[str, Task] = {}
        self.ledger = Ledger()
        self.dice = Random(f"{around.seed}:{self.name}")  # noqa: S311 - repeatable on purpose
        self._keys = KeyRing(self.key_prefix, self.dice)
        self.links = Links("", self._keys.draw())
        self.webhooks = Webhooks(self)
        self.endpoints: list[Endpoint] = []

    # --- for tests and the command

    @property
    def key(self) -> str:
        return next(iter(self._valid_keys()))

    def _valid_keys(self) -> list[str]:
        valid = [key for key, valid in self.account.keys.items() if valid]
        if not valid:
            raise SimulatorError(f"Every key of {self.name} is revoked: call add_key().")
        return valid

    def add_key(self) -> str:
        key = self._keys.draw()
        self.account.keys[key] = True
        return key

    def revoke_key(self, key: str) -> None:
        if key not in self.account.keys:
            raise SimulatorError(f"{self.name} has no such key; it has {len(self.account.keys)}.")
        self.account.keys[key] = False

    def settle(self, task_id: str, status: str, **error: Any) -> None:
        """Ends a task now, or (`running`) ends its wait."""
        if task_id not in self.tasks:
            raise SimulatorError(f"{self.name} has no task {task_id}.")
        if status.lower() not in PHASES:
            raise SimulatorError(f"A task can't become {status!r}, only: {', '.join(PHASES)}.")
        self._settle(self.tasks[task_id], PHASES[status.lower()], error)

    def _settle(self, task: Task, phase: Phase, error: Mapping[str, Any]) -> None:
        now = self.clock.seconds()
        if task.ended(now):
            raise SimulatorError(f"Task {task.id} has ended already.")
        if phase is Phase.RUNNING:
            task.plan = task.plan.started_at(now)
        else:
            task.plan = task.plan.ended_at(now, phase)
            task.error = self.error_for(phase, error)
        self.changed(task)

    def booked(
        self, method: str, path: str, operation: Operation | None, resource: str | None
    ) -> BookedRequest:
        return BookedRequest(self.clock.now(), self.clock.wall(), method, path, operation, resource)

    # --- requests that are the same everywhere

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        for endpoint in self.endpoints:
            if (params := endpoint.match(method, path)) is not None:
                return endpoint, params
        return self.nowhere, {}

    def resource_of(self, params: Mapping[str, str]) -> str | None:
        """The resource of a request whose path does not name one."""
        task = self.tasks.get(params.get("id", ""))
        return task.resource if task else None

    async def download(self, call: Call) -> ASGIApp:
        name, task = call.params["name"], self.tasks.get(call.params["id"])
        if not self.links.opens(call.path, call.request.query_params, self.clock.seconds()):
            return denied()
        if task is None or task.deleted or not self.has_file(task, name):
            return denied(404)
        return await answer_download(
            call, name, lambda: self.make_file(task, name), self.ledger.downloads.append
        )

    # --- a task's life

    def identity(self) -> UUID:
        """Not from the seed: who stored an id must not meet it again after a restart."""
        return uuid4()

    def accept(self, task: Task) -> None:
        rule = self.script.match(self.name, "task", task.resource)
        if rule is not None:
            self._befall(task, rule)
        self.tasks[task.id] = task
        self.charge(task)
        self.ledger.peak_concurrent = max(self.ledger.peak_concurrent, len(self.unfinished()))
        self._schedule(task)

    def unfinished(self) -> list[Task]:
        now = self.clock.seconds()
        return [task for task in self.tasks.values() if not task.ended(now) and not task.deleted]

    def announce(self, task: Task) -> None:
        """Webhooks about a task begin when its create was answered."""
        if not task.announced:
            task.announced = True
            self.tell(task)

    def hasten(self, task: Task, rule: Rule) -> None:
        """Webhooks about it are sent before the answer of the request that creates it."""
        status = rule.options.get("status", self.hastened_status)
        if status is not None:
            self.settle(task.id, status)
        self.announce(task)

    hastened_status: ClassVar[str | None] = None

    def changed(self, task: Task) -> None:
        if task.timer is not None:
            task.timer.cancel()
        if task.ended(self.clock.seconds()) and not task.closed:
            task.closed = True
            self.close(task)
        for watcher in tuple(task.watchers):
            watcher()
        if task.announced:
            self.tell(task)
        self._schedule(task)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        self.clock.track(asyncio.get_running_loop().create_task(work))

    def _schedule(self, task: Task) -> None:
        due = task.plan.next_change(self.clock.seconds())
        task.timer = self.clock.at(due, lambda: self.changed(task))

    def _befall(self, task: Task, rule: Rule) -> None:
        match rule.fault:
            case Fault.STUCK_PENDING:
                task.plan = task.plan.stuck_pending()
            case Fault.STUCK_AT_99:
                task.plan = task.plan.stuck_at_99()
            case Fault.FORMAT_MISSING:
                missing = rule.options.get("format", task.product.formats[-1])
                task.product = task.product.without(missing)
            case Fault.TASK_EXPIRED:
                task.plan = task.plan.failing(Phase.EXPIRED)
                task.error = self.error_for(Phase.EXPIRED, rule.options)
            case _:
                task.plan = task.plan.failing()
                task.error = self.error_of(rule)

    # --- what each provider does in its own way

    @abstractmethod
    def has_file(self, task: Task, name: str) -> bool: ...

    @abstractmethod
    def make_file(self, task: Task, name: str) -> bytes: ...

    @abstractmethod
    def dress(self, call: Call) -> None:
        """Adds the headers that every answer carries."""

    @abstractmethod
    def admit(self, call: Call) -> None:
        """Checks key and request rate."""

    @abstractmethod
    def refusal(self, rule: Rule) -> Refusal: ...

    @abstractmethod
    def refuse(self, call: Call, refusal: Refusal) -> ASGIApp: ...

    @abstractmethod
    def charge(self, task: Task) -> None: ...

    @abstractmethod
    def close(self, task: Task) -> None:
        """The task has ended: settle its credits or give them back."""

    @abstractmethod
    def tell(self, task: Task) -> None:
        """Sends what webhooks are due for the task's present state."""

    @abstractmethod
    def sign(self, hook: Hook, parcel: Parcel, raw: bytes) -> dict[str, str]: ...

    @abstractmethod
    def status_word(self, phase: Phase) -> str: ...

    @abstractmethod
    def error_for(self, phase: Phase, options: Mapping[str, Any]) -> TaskError | None:
        """Why a task ended so."""

    @abstractmethod
    def error_of(self, rule: Rule) -> TaskError: ...
