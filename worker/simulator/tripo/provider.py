"""Tripo's API v3, as its pages, its SDK and those who use it describe it."""

import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from worker.simulator.call import Call, Refusal
from worker.simulator.downloads import denied
from worker.simulator.fault import Fault, ProviderName
from worker.simulator.plan import Phase
from worker.simulator.provider import Provider, Surroundings
from worker.simulator.rate import Window
from worker.simulator.script import Rule
from worker.simulator.task import Task, TaskError
from worker.simulator.tripo import errors, files, objects
from worker.simulator.tripo.account import TripoAccount
from worker.simulator.tripo.dialect import Dialect
from worker.simulator.tripo.routes import CDN, Routes, answer
from worker.simulator.tripo.shelf import Shelf
from worker.simulator.webhooks import Event, Hook, Parcel

MINUTE = 60.0


class Tripo(Provider):
    name: ClassVar[ProviderName] = "tripo"
    key_prefix: ClassVar[str] = "tsk_"
    cdn: ClassVar[str] = CDN
    longest_queue: ClassVar[int] = 3
    hastened_status: ClassVar[str | None] = "success"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self.dialect = Dialect()
        self.account: TripoAccount = TripoAccount(str(self.identity()))
        self.add_key()
        self.shelf = Shelf(self.clock, lambda: self.dialect.token_seconds)
        self._generations = Window(self.account.generations_per_minute, MINUTE)
        self._uploads = Window(self.account.uploads_per_minute, MINUTE)
        routes = Routes(self)
        self.endpoints = routes.endpoints()
        self.nowhere = routes.nowhere()

    def new_token(self) -> str:
        return f"file_{self.identity()}"

    # --- may there be another

    def check_account(self, pool: str, price: float) -> None:
        if self.account.credits < price:
            raise errors.no_credit()
        if sum(task.pool == pool for task in self.unfinished()) >= self.account.pools[pool]:
            raise errors.pool_full()

    def count_upload(self, call: Call) -> None:
        self._uploads.limit = self.account.uploads_per_minute
        self._count(self._uploads, call)

    def _count(self, window: Window, call: Call) -> None:
        now = self.clock.pace()
        passes = window.take(now)
        reset = math.ceil(window.reset_in(now))
        call.headers |= {
            "x-ratelimit-limit": str(window.limit),
            "x-ratelimit-remaining": str(window.remaining),
            "x-ratelimit-reset": str(int(self.clock.seconds()) + reset),
        }
        if not passes:
            raise errors.rate_limited()

    # --- files

    def link(self, task: Task, name: str) -> str:
        path = f"/{CDN}/{self.account.id}/{task.id}/{name}"
        return self.links.sign(path, self.clock.seconds() + self.dialect.link_seconds)

    def has_file(self, task: Task, name: str) -> bool:
        return files.has_file(task, name)

    def make_file(self, task: Task, name: str) -> bytes:
        return files.make_file(self.workshop, task, name)

    # --- the way of a request

    def dress(self, call: Call) -> None:
        if call.endpoint.operation == "download":
            return
        asked = call.request.headers.get("x-request-id")
        call.headers["x-request-id"] = asked or str(self.identity())
        call.headers["x-tripo-trace-id"] = self.identity().hex

    def admit(self, call: Call) -> None:
        scheme, _, key = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.account.holds(key):
            raise Refusal(401, "Invalid API key", self.dialect.bad_key_code)
        call.key = key
        if call.endpoint.operation == "create":
            self._generations.limit = self.account.generations_per_minute
            self._count(self._generations, call)

    def refusal(self, rule: Rule) -> Refusal:
        return errors.of_fault(rule, self.dialect.bad_key_code)

    def refuse(self, call: Call, refusal: Refusal) -> ASGIApp:
        if call.endpoint.operation == "download":
            return denied(refusal.status)
        if call.endpoint.resource == "tasks" and call.fault is Fault.NOT_FOUND:
            return answer({"tasks": {}, "missed": call.json()["task_ids"]})
        if "x-request-id" not in call.headers:
            self.dress(call)
        body = {
            "code": refusal.code,
            "status": "error",
            "message": refusal.message,
            "suggestion": errors.SUGGESTIONS.get(refusal.status, errors.USUAL_SUGGESTION),
            "request_id": call.headers["x-request-id"],
        }
        return JSONResponse(body, refusal.status, {**call.headers, **refusal.headers})

    # --- money and words

    def charge(self, task: Task) -> None:
        """Only frozen, until the task ends."""
        before = self.account.credits
        self.account.credits -= task.price
        self.account.frozen += task.price
        self.account.charged += task.price
        self._warn_of_low_balance(before)

    def close(self, task: Task) -> None:
        self.account.frozen -= task.price
        if task.plan.ending is not Phase.SUCCEEDED:
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
        """Only the end of a task is an event."""
        now = self.clock.seconds()
        if not task.ended(now) or task.facts.get("told"):
            return
        task.facts["told"] = True
        name = "task.completed" if task.plan.ending is Phase.SUCCEEDED else "task.failed"
        self.webhooks.deliver(self._event(name, task, now))

    def _event(self, name: str, task: Task, now: float) -> Event:
        identity = f"task_{task.id}:{name}"
        shown = objects.shown(self, task, now)
        data = {"task_id": task.id, "type": task.kind, "status": shown["status"]}
        if shown["output"]:
            data["output"] = shown["output"]
        if task.error is not None:
            data |= self._error(task.error)
        body = {"id": identity, "type": name, "created_at": objects.iso(now), "data": data}
        status = shown["status"]
        return Event(identity, name, task.id, task.resource, status, shown["progress"], body)

    def _error(self, error: TaskError) -> dict[str, Any]:
        if self.dialect.flat_webhook_error:
            return {"error_code": error.code, "error_message": error.message}
        return {"error": {"code": error.code, "message": error.message}}

    def _warn_of_low_balance(self, before: float) -> None:
        low = self.dialect.balance_low_at
        if low is None or not self.account.credits < low <= before:
            return
        identity = f"balance_{self.identity()}:balance.low"
        data = {"balance": self.account.credits, "threshold": low}
        created = objects.iso(self.clock.seconds())
        body = {"id": identity, "type": "balance.low", "created_at": created, "data": data}
        self.webhooks.deliver(Event(identity, "balance.low", "", "balance", "", None, body))

    def sign(self, hook: Hook, parcel: Parcel, raw: bytes) -> dict[str, str]:
        """The time is the real one: who receives it compares it with the clock on the wall."""
        sent = int(time.time())
        secrets = hook.valid_secrets(self.clock.seconds())
        if parcel.fault is Fault.WEBHOOK_FORGED:
            secrets = ["whsec_forged"]
        signatures = [f"v1={signature(secret, sent, raw)}" for secret in secrets]
        return {
            "Tripo-Webhook-Id": parcel.event.id,
            "Tripo-Webhook-Delivery": parcel.delivery,
            "Tripo-Webhook-Event": parcel.event.name,
            "Tripo-Webhook-Signature": ",".join([f"t={sent}", *signatures]),
        }


def signature(secret: str, sent: int, raw: bytes) -> str:
    """The key is the whole secret, its `whsec_` included."""
    return hmac.new(secret.encode(), f"{sent}.".encode() + raw, hashlib.sha256).hexdigest()
