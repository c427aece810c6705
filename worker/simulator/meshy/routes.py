"""The endpoints: every task resource has the same five verbs."""

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from worker.simulator import inputs
from worker.simulator.call import Call, Endpoint, Handler, Refusal
from worker.simulator.fault import Fault, Operation
from worker.simulator.meshy import errors, objects
from worker.simulator.meshy.generation import image_to_3d, multi_image_to_3d, text_to_3d
from worker.simulator.meshy.orders import Asking, Order, Reader
from worker.simulator.meshy.processing import convert, remesh, retexture, rigging
from worker.simulator.meshy.stream import Stream
from worker.simulator.plan import Phase, draw_plan
from worker.simulator.task import Task

if TYPE_CHECKING:
    from worker.simulator.meshy.provider import Meshy

CDN = "assets.meshy.ai"
READERS: dict[str, Reader] = {
    "text-to-3d": text_to_3d,
    "image-to-3d": image_to_3d,
    "multi-image-to-3d": multi_image_to_3d,
    "remesh": remesh,
    "retexture": retexture,
    "rigging": rigging,
    "convert": convert,
}
VERSION_OF = {"text-to-3d": "v2"}
PAGE_SIZE = 10
MOST_PAGE_SIZE = 50
LIST_LAG_SECONDS = 60.0


class Routes:
    def __init__(self, meshy: "Meshy") -> None:
        self._meshy = meshy

    def endpoints(self) -> list[Endpoint]:
        return [
            *(endpoint for resource in READERS for endpoint in self._resource(resource)),
            Endpoint("GET", "/openapi/v1/balance", "balance", "balance", self._balance),
            Endpoint(
                "GET",
                f"/{CDN}/{{account}}/tasks/{{id}}/output/{{name}}",
                "download",
                None,
                self._meshy.download,
                public=True,
            ),
        ]

    def nowhere(self) -> Endpoint:
        return Endpoint("GET", "/", "get", None, self._refuse_route, public=True)

    def _resource(self, resource: str) -> list[Endpoint]:
        root = f"/openapi/{VERSION_OF.get(resource, 'v1')}/{resource}"
        verbs: list[tuple[str, str, Operation, Handler]] = [
            ("POST", root, "create", self._create),
            ("GET", root, "list", self._list),
            ("GET", f"{root}/{{id}}/stream", "stream", self._stream),
            ("GET", f"{root}/{{id}}", "get", self._get),
            ("DELETE", f"{root}/{{id}}", "cancel", self._delete),
        ]
        return [
            Endpoint(method, path, operation, resource, handler)
            for method, path, operation, handler in verbs
        ]

    async def _create(self, call: Call) -> ASGIApp:
        body, resource = _read_body(call), str(call.endpoint.resource)
        order = await READERS[resource](Asking(self._meshy, body, call.key))
        if call.key == self._meshy.test_key:
            task = self._meshy.sample(resource, lambda: self._task(call, order, body))
        else:
            self._meshy.check_account(order.price)
            task = self._task(call, order, body)
            self._meshy.accept(task)
            call.created = task
        return JSONResponse({"result": task.id}, self._meshy.dialect.create_status)

    def _task(self, call: Call, order: Order, body: dict[str, Any]) -> Task:
        meshy = self._meshy
        now = meshy.clock.seconds()
        seconds = meshy.account.seconds_for(order.seconds, meshy.dice)
        plan = draw_plan(meshy.dice, now, seconds, meshy.longest_queue)
        return Task(
            id=str(meshy.identity()),
            resource=str(call.endpoint.resource),
            kind=order.kind,
            body=inputs.without_bytes(body),
            key=call.key,
            plan=plan if order.failure is None else plan.failing(Phase.FAILED),
            product=order.product,
            price=order.price,
            echo=order.echo,
            facts=order.facts,
            error=order.failure,
        )

    async def _get(self, call: Call) -> ASGIApp:
        task = self._find(call, call.endpoint.resource)
        return JSONResponse(objects.whole(self._meshy, task, self._meshy.clock.seconds()))

    async def _list(self, call: Call) -> ASGIApp:
        query = call.request.query_params
        page = _number(query.get("page_num", "1"), "page_num", 1, None)
        size = _number(query.get("page_size", str(PAGE_SIZE)), "page_size", 1, MOST_PAGE_SIZE)
        tasks = self._listed(call, self._newest_first(query.get("sort_by")))
        now = self._meshy.clock.seconds()
        chosen = tasks[(page - 1) * size : page * size]
        return JSONResponse([objects.whole(self._meshy, task, now) for task in chosen])

    def _newest_first(self, sort_by: str | None) -> bool:
        match sort_by:
            case None | "":
                return self._meshy.dialect.newest_first
            case "-created_at" | "+created_at":
                return sort_by == "-created_at"
        raise Refusal(400, "sort_by must be +created_at or -created_at")

    def _listed(self, call: Call, newest_first: bool) -> list[Task]:  # noqa: FBT001 - one caller
        until = self._meshy.clock.seconds()
        if call.rule and call.rule.fault is Fault.LIST_LAGS:
            until -= call.rule.seconds(LIST_LAG_SECONDS)
        found = [
            task
            for task in self._meshy.shown(call.key)
            if task.resource == call.endpoint.resource and task.plan.created <= until
        ]
        return found[::-1] if newest_first else found

    async def _stream(self, call: Call) -> ASGIApp:
        task = self._find(call, call.endpoint.resource)
        return Stream(self._meshy, task, call.rule, call.headers)

    async def _delete(self, call: Call) -> ASGIApp:
        by_any = self._meshy.dialect.delete_by_any_resource
        task = self._find(call, None if by_any else call.endpoint.resource)
        running = task.phase(self._meshy.clock.seconds()) is Phase.RUNNING
        if running or call.fault is Fault.CANCEL_REFUSED:
            status = self._meshy.dialect.cancel_refused_status
            raise Refusal(status, "The task is in progress and can't be canceled")
        self._meshy.delete(task)
        return Response(status_code=200)

    async def _balance(self, call: Call) -> ASGIApp:
        del call
        return JSONResponse({"balance": int(self._meshy.account.credits)})

    async def _refuse_route(self, call: Call) -> ASGIApp:
        del call
        raise Refusal(404, errors.NO_ROUTE)

    def _find(self, call: Call, resource: str | None) -> Task:
        task = self._meshy.task(call.params["id"], call.key)
        if task is None or resource not in (None, task.resource):
            raise Refusal(404, errors.NO_TASK)
        return task


def _read_body(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Refusal(400, "Invalid request: the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid request: the body is not an object")
    return body


def _number(text: str, name: str, low: int, high: int | None) -> int:
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        raise Refusal(400, f"Invalid {name}: {text}")
    return int(text)
