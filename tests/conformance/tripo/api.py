from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conformance.wire import client, fetch
from worker.simulator import Simulator

Json = dict[str, Any]

TERMINAL = {"success", "failed", "cancelled"}
LOOK_EVERY = 5.0
JUST_THE_END = 120.0
LONGEST_TASK = 2 * 60 * 60
TEXT = "/v3/generation/text-to-model"
IMAGE = "/v3/generation/image-to-model"
MULTIVIEW = "/v3/generation/multiview-to-model"
TEXTURE = "/v3/models/texture"
CONVERT = "/v3/models/convert"
RIG_CHECK = "/v3/animations/rig-check"
RIG = "/v3/animations/rig"
FILES = "/v3/files"
TASKS = "/v3/tasks"
TASK_LIST = "/v3/tasks/list"
BALANCE = "/v3/account/balance"
USAGE = "/v3/account/usage"


@dataclass
class Tripo:
    """The API as an integrator would call it by hand, from the documentation alone."""

    simulator: Simulator
    key: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = client(self.simulator.tripo.url, self.key)

    def create(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def created(self, path: str, body: Json) -> str:
        task_id: str = data(self.create(path, body))["task_id"]
        return task_id

    def get(self, task_id: str) -> httpx.Response:
        return self.http.get(f"{TASKS}/{task_id}")

    def task(self, task_id: str) -> Json:
        return data(self.get(task_id))

    def batch(self, task_ids: list[str]) -> Json:
        return data(self.http.post(TASK_LIST, json={"task_ids": task_ids}))

    def usage(self, **query: int) -> list[Json]:
        rows: list[Json] = envelope(self.http.get(USAGE, params=query))["data"]
        return rows

    def balance(self) -> Json:
        return data(self.http.get(BALANCE))

    def upload(self, content: bytes, name: str = "front.png") -> str:
        token: str = data(self.send(content, name))["file_token"]
        return token

    def send(self, content: bytes, name: str = "front.png") -> httpx.Response:
        return self.http.post(FILES, files={"file": (name, content)})

    def settled(self, path: str, body: Json, status: str = "succeeded") -> str:
        task_id = self.created(path, body)
        self.simulator.settle(task_id, status)
        return task_id

    def lived(self, task_id: str, every: float = LOOK_EVERY) -> list[Json]:
        """What each look saw, until and with the first that saw the end."""
        looks = [self.task(task_id)]
        while looks[-1]["status"] not in TERMINAL:
            assert len(looks) * every < LONGEST_TASK, looks[-1]
            self.simulator.clock.advance(every)
            looks.append(self.task(task_id))
        return looks

    def run(self, path: str, body: Json) -> Json:
        return self.lived(self.created(path, body), JUST_THE_END)[-1]

    def download(self, url: str) -> httpx.Response:
        """Signed addresses stand alone: no key goes with them."""
        return fetch(url)


def envelope(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    assert (body["code"], body["status"]) == (0, "success")
    return body


def data(answer: httpx.Response) -> Json:
    found: Json = envelope(answer)["data"]
    return found
