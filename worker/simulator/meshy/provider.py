"""Meshy, as its pages and those who measured it describe it."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from worker.simulator.call import Call, Refusal
from worker.simulator.downloads import denied
from worker.simulator.fault import Fault, ProviderName
from worker.simulator.meshy import errors, files, objects
from worker.simulator.meshy.account import MeshyAccount
from worker.simulator.meshy.dialect import Dialect
from worker.simulator.meshy.routes import CDN, Routes
from worker.simulator.meshy.stream import Failed
from worker.simulator.plan import Phase
from worker.simulator.provider import Provider, Surroundings
from worker.simulator.rate import Sliding
from worker.simulator.script import Rule
from worker.simulator.task import Task, TaskError
from worker.simulator.webhooks import Event, Hook, Parcel

TEST_KEY = "msy_dummy_api_key_for_test_mode_12345678"
API_VERSION = "1"


class Meshy(Provider):
    name: ClassVar[ProviderName] = "meshy"
    key_prefix: ClassVar[str] = "msy_"
    cdn: ClassVar[str] = CDN
    longest_queue: ClassVar[int] = 5
    test_key: ClassVar[str] = TEST_KEY

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self.dialect = Dialect()
        self.account: MeshyAccount = MeshyAccount(str(self.identity()))
        self.account.keys[TEST_KEY] = True
        self.add_key()
        self._rate = Sliding()
        self._samples: dict[str, Task] = {}
        routes = Routes(self)
        self.endpoints = routes.endpoints()
        self.nowhere = routes.nowhere()

    @property
    def key(self) -> str:
        return next(key for key in self._valid_keys() if key != TEST_KEY)

    def identity(self) -> UUID:
        """Version 7: sorts by the time of its making."""
        milliseconds = int(self.clock.seconds() * 1000)
        self._made += 1
        low = super().identity().int & (1 << 62) - 1
        return UUID(int=milliseconds << 80 | 7 << 76 | (self._made & 0xFFF) << 64 | 2 << 62 | low)

    # --- whose task, and may there be another

    def task(self, task_id: str, key: str) -> Task | None:
        found = self.tasks.get(task_id)
        return found if found is not None and self._is_shown(found, key) else None

    def shown(self, key: str) -> list[Task]:
        """In the order in which they were created."""
        return [task for task in self.tasks.values() if self._is_shown(task, key)]

    def _is_shown(self, task: Task, key: str) -> bool:
        same_side = (task.key == TEST_KEY) == (key == TEST_KEY)
        kept = self.clock.seconds() < objects.expires(task)
        return same_side and kept and not task.deleted

    def check_account(self, price: float) -> None:
        account = self.account
        if account.free_plan:
            raise Refusal(402, errors.FREE_PLAN)
        if account.credits < price:
            raise Refusal(402, errors.NO_CREDIT)
        if len(self.unfinished()) >= account.queued_tasks:
            raise Refusal(429, self.dialect.queue_full)

    def sample(self, resource: str, make: Callable[[], Task]) -> Task:
        """What the test key gets: the same finished task each time, whatever it asks for."""
        if resource not in self._samples:
            task = make()
            task.price = 0
            task.plan = task.plan.ended_at(self.clock.seconds(), Phase.SUCCEEDED)
            self._samples[resource] = self.tasks[task.id] = task
        return self._samples[resource]

    def delete(self, task: Task) -> None:
        now = self.clock.seconds()
        if not task.ended(now):
            task.plan = task.plan.ended_at(now, Phase.CANCELED)
            self.changed(task)
        task.deleted = True

    # --- files

    def link(self, task: Task, name: str) -> str:
        path = f"/{CDN}/{self.account.id}/tasks/{task.id}/output/{name}"
        nonce = f"{self.clock.seconds():.3f}" if self.dialect.fresh_links else ""
        return self.links.sign(path, objects.expires(task), nonce)

    def has_file(self, task: Task, name: str) -> bool:
        return files.has_file(task, name)

    def make_file(self, task: Task, name: str) -> bytes:
        return files.make_file(self.workshop, task, name)

    # --- the way of a request

    def dress(self, call: Call) -> None:
        if call.endpoint.operation == "download":
            return
        call.headers["x-api-version"] = API_VERSION
        if self.dialect.request_id:
            call.headers["x-request-id"] = str(self.identity())

    def admit(self, call: Call) -> None:
        if "origin" in call.request.headers:
            raise Refusal(403, errors.NO_BROWSERS)
        scheme, _, key = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.account.holds(key):
            raise Refusal(401, errors.BAD_KEY)
        call.key = key
        if self._rate.take(self.clock.pace(), self.account.requests_per_second):
            raise Refusal(429, errors.RATE_LIMIT)

    def refusal(self, rule: Rule) -> Refusal:
        return errors.of_fault(rule, self.dialect.queue_full)

    def refuse(self, call: Call, refusal: Refusal) -> ASGIApp:
        if call.endpoint.operation == "download":
            return denied(refusal.status)
        if call.endpoint.operation == "stream" and refusal.status == 404:  # noqa: PLR2004
            return Failed(refusal.status, refusal.message, call.headers)
        headers = {**call.headers, **refusal.headers}
        if refusal.status == 429 and self.dialect.retry_after:  # noqa: PLR2004
            headers.setdefault("retry-after", errors.RETRY_SECONDS)
        return JSONResponse({"message": refusal.message}, refusal.status, headers)

    # --- money and words

    def charge(self, task: Task) -> None:
        self.account.credits -= task.price
        self.account.charged += task.price

    def close(self, task: Task) -> None:
        if task.plan.ending is Phase.SUCCEEDED:
            return
        task.refunded = task.price
        self.account.credits += task.price
        self.account.refunded += task.price

    def status_word(self, phase: Phase) -> str:
        return objects.STATUS[phase]

    def error_for(self, phase: Phase, options: Mapping[str, Any]) -> TaskError | None:
        return errors.of_ending(phase, options)

    def error_of(self, rule: Rule) -> TaskError:
        return errors.of_task_fault(rule)

    # --- webhooks

    def tell(self, task: Task) -> None:
        """Every change of status or progress, to every hook; the body is the task itself."""
        now = self.clock.seconds()
        shown = objects.brief(task, now)
        if not self.webhooks.hooks or task.facts.get("told") == shown:
            return
        task.facts["told"] = shown
        self.webhooks.deliver(
            Event(
                id=task.id,
                name=task.kind,
                task_id=task.id,
                resource=task.resource,
                task_status=shown["status"],
                progress=shown["progress"],
                body=objects.whole(self, task, now),
            )
        )

    def sign(self, hook: Hook, parcel: Parcel, raw: bytes) -> dict[str, str]:
        del raw
        headers = {"x-meshy-api-webhook-user-id": self.account.id}
        forged = parcel.fault is Fault.WEBHOOK_FORGED
        if forged and parcel.rule and parcel.rule.options.get("form") == "missing":
            return headers
        secret = "forged" if forged else hook.valid_secrets(self.clock.seconds())[-1]
        return headers | {self.dialect.webhook_secret_header: secret}
