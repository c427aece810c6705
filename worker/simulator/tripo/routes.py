"""The endpoints of v3: one path for each operation, one for all tasks."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from worker.simulator.call import Call, Endpoint
from worker.simulator.fault import Fault
from worker.simulator.plan import draw_plan
from worker.simulator.task import Task
from worker.simulator.tripo import errors, objects
from worker.simulator.tripo.orders import READERS, Asking, Order
from worker.simulator.tripo.shelf import PRESIGNED_SECONDS, check_file

if TYPE_CHECKING:
    from worker.simulator.tripo.provider import Tripo

CDN = "tripo-data"
MOST_IDS = 100
LIST_LAG_SECONDS = 60.0
USAGE_SIZE, MOST_USAGE_SIZE = 50, 200
UPLOAD_FORMATS = ("png", "jpg", "jpeg", "webp", "glb", "gltf", "fbx", "obj", "stl")


def answer(data: Any) -> JSONResponse:
    return JSONResponse({"code": 0, "status": "success", "data": data})


class Routes:
    def __init__(self, tripo: "Tripo") -> None:
        self._tripo = tripo

    def endpoints(self) -> list[Endpoint]:
        return [
            *(
                Endpoint("POST", f"/v3/{path}", "create", path.rpartition("/")[2], self._create)
                for path in READERS
            ),
            Endpoint("POST", "/v3/tasks/list", "get", "tasks", self._batch),
            Endpoint("GET", "/v3/tasks/{id}", "get", None, self._get),
            Endpoint("GET", "/v3/account/balance", "balance", "balance", self._balance),
            Endpoint("GET", "/v3/account/usage", "list", "usage", self._usage),
            *self._files(),
        ]

    def nowhere(self) -> Endpoint:
        return Endpoint("GET", "/", "get", None, self._refuse_route, public=True)

    def _files(self) -> list[Endpoint]:
        download, put = f"/{CDN}/{{account}}/{{id}}/{{name}}", f"/{CDN}/upload/{{token}}"
        return [
            Endpoint("POST", "/v3/files", "upload", "files", self._upload),
            Endpoint("POST", "/v3/files/presign", "upload", "files", self._presign),
            Endpoint("POST", "/v3/files/upload-credentials", "upload", "files", self._credentials),
            Endpoint("PUT", put, "upload", "files", self._put, public=True),
            Endpoint("GET", download, "download", None, self._tripo.download, public=True),
        ]

    # --- tasks

    async def _create(self, call: Call) -> ASGIApp:
        body = _read_body(call)
        path = call.path.removeprefix("/v3/")
        order = await READERS[path](Asking(self._tripo, body))
        self._tripo.check_account(order.pool, order.price)
        task = self._task(call, order, body)
        self._tripo.accept(task)
        call.created = task
        return answer({"task_id": task.id, "type": task.kind, "status": "queued"})

    def _task(self, call: Call, order: Order, body: Mapping[str, Any]) -> Task:
        tripo = self._tripo
        seconds = tripo.account.seconds_for(order.seconds, tripo.dice)
        return Task(
            id=str(tripo.identity()),
            resource=str(call.endpoint.resource),
            kind=order.kind,
            body=body,
            key=call.key,
            plan=draw_plan(tripo.dice, tripo.clock.seconds(), seconds, tripo.longest_queue),
            product=order.product,
            price=order.price,
            pool=order.pool,
            facts=order.facts,
        )

    async def _get(self, call: Call) -> ASGIApp:
        task = self._tripo.tasks.get(call.params["id"])
        if task is None:
            raise errors.no_task()
        return answer(objects.shown(self._tripo, task, self._tripo.clock.seconds()))

    async def _batch(self, call: Call) -> ASGIApp:
        ids = _read_body(call).get("task_ids")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise errors.invalid("Invalid parameter: task_ids must be an array of strings")
        if not 1 <= len(ids) <= MOST_IDS:
            raise errors.invalid(f"Invalid parameter: task_ids must be 1 to {MOST_IDS}")
        now, tasks = self._tripo.clock.seconds(), self._tripo.tasks
        found = {one: objects.shown(self._tripo, tasks[one], now) for one in ids if one in tasks}
        return answer({"tasks": found, "missed": [one for one in ids if one not in tasks]})

    # --- the account

    async def _balance(self, call: Call) -> ASGIApp:
        del call
        account = self._tripo.account
        both = self._tripo.dialect.balance_includes_frozen
        balance = account.credits + (account.frozen if both else 0)
        return answer({"balance": balance, "frozen": account.frozen})

    async def _usage(self, call: Call) -> ASGIApp:
        query = call.request.query_params
        limit = _number(query.get("limit", str(USAGE_SIZE)), "limit", 1, MOST_USAGE_SIZE)
        offset = _number(query.get("offset", "0"), "offset", 0, None)
        now = self._tripo.clock.seconds()
        lag = call.rule.seconds(LIST_LAG_SECONDS) if call.rule else 0.0
        until = now - lag if call.fault is Fault.LIST_LAGS else now
        newest = [task for task in self._tripo.tasks.values() if task.plan.created <= until][::-1]
        lines = [objects.usage(task, now) for task in newest[offset : offset + limit]]
        return answer({"items": lines} if self._tripo.dialect.usage_as_items else lines)

    # --- files

    async def _upload(self, call: Call) -> ASGIApp:
        self._tripo.count_upload(call)
        if not call.request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise errors.malformed("The body must be multipart/form-data with a field file")
        async with call.request.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise errors.invalid("Invalid parameter: file is required")
            data = await file.read()
            token = self._keep(file.filename or "", data)
        return answer({"file_token": token})

    def _keep(self, name: str, data: bytes) -> str:
        is_image = check_file(name, data)
        upload = self._tripo.shelf.reserve(self._tripo.new_token())
        upload.digest, upload.is_image = hashlib.sha256(data).hexdigest(), is_image
        upload.arrived = True
        return upload.token

    async def _presign(self, call: Call) -> ASGIApp:
        token, url = self._reserve(call)
        return answer({"presigned_url": url, "file_token": token, "expires_in": PRESIGNED_SECONDS})

    async def _credentials(self, call: Call) -> ASGIApp:
        token, url = self._reserve(call)
        expires = objects.iso(self._tripo.clock.seconds() + PRESIGNED_SECONDS)
        return answer({"file_token": token, "upload_url": url, "expires_at": expires})

    def _reserve(self, call: Call) -> tuple[str, str]:
        self._tripo.count_upload(call)
        format_ = _read_body(call).get("format", "png") if call.body else "png"
        if format_ not in UPLOAD_FORMATS:
            raise errors.invalid(f"format must be one of {', '.join(UPLOAD_FORMATS)}")
        token = self._tripo.new_token()
        self._tripo.shelf.reserve(token)
        path = f"/{CDN}/upload/{token}.{format_}"
        expires = self._tripo.clock.seconds() + PRESIGNED_SECONDS
        return token, self._tripo.links.sign(path, expires)

    async def _put(self, call: Call) -> ASGIApp:
        query, now = call.request.query_params, self._tripo.clock.seconds()
        token, _, _ = call.params["token"].partition(".")
        upload = self._tripo.shelf.find(token)
        if upload is None or not self._tripo.links.opens(call.path, query, now):
            return Response(status_code=403)
        upload.is_image = check_file(call.path, call.body)
        upload.digest, upload.arrived = hashlib.sha256(call.body).hexdigest(), True
        return Response(status_code=200)

    async def _refuse_route(self, call: Call) -> ASGIApp:
        del call
        raise errors.no_route()


def _read_body(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise errors.malformed("The body is not JSON") from None
    if not isinstance(body, dict):
        raise errors.malformed("The body is not an object")
    return body


def _number(text: str, name: str, low: int, high: int | None) -> int:
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        raise errors.invalid(f"Invalid parameter: {name}")
    return int(text)
