from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conformance.wire import client, fetch
from worker.simulator import Simulator

Json = dict[str, Any]

TERMINAL = {"SUCCEEDED", "FAILED", "CANCELED"}
LOOK_EVERY = 5.0
JUST_THE_END = 120.0
LONGEST_TASK = 2 * 60 * 60
PATHS = {
    "text-to-3d": "/openapi/v2/text-to-3d",
    "image-to-3d": "/openapi/v1/image-to-3d",
    "multi-image-to-3d": "/openapi/v1/multi-image-to-3d",
    "remesh": "/openapi/v1/remesh",
    "rigging": "/openapi/v1/rigging",
    "convert": "/openapi/v1/convert",
}
BALANCE = "/openapi/v1/balance"


@dataclass
class Meshy:
    """The API as an integrator would call it by hand, from the documentation alone."""

    simulator: Simulator
    key: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = client(self.simulator.meshy.url, self.key)

    def create(self, resource: str, body: Any) -> httpx.Response:
        return self.http.post(PATHS[resource], json=body)

    def created(self, resource: str, body: Json) -> str:
        answer = self.create(resource, body)
        assert answer.is_success, answer.text
        result: str = answer.json()["result"]
        return result

    def get(self, resource: str, task_id: str) -> httpx.Response:
        return self.http.get(f"{PATHS[resource]}/{task_id}")

    def task(self, resource: str, task_id: str) -> Json:
        answer = self.get(resource, task_id)
        assert answer.status_code == 200, answer.text
        task: Json = answer.json()
        return task

    def page(self, resource: str, **query: str | int) -> list[Json]:
        answer = self.http.get(PATHS[resource], params=query)
        assert answer.status_code == 200, answer.text
        tasks: list[Json] = answer.json()
        return tasks

    def delete(self, resource: str, task_id: str) -> httpx.Response:
        return self.http.delete(f"{PATHS[resource]}/{task_id}")

    def balance(self) -> int:
        balance: int = self.http.get(BALANCE).json()["balance"]
        return balance

    def settled(self, resource: str, body: Json, status: str = "succeeded") -> str:
        task_id = self.created(resource, body)
        self.simulator.settle(task_id, status)
        return task_id

    def lived(self, resource: str, task_id: str, every: float = LOOK_EVERY) -> list[Json]:
        """What each look saw, until and with the first that saw the end."""
        looks = [self.task(resource, task_id)]
        while looks[-1]["status"] not in TERMINAL:
            assert len(looks) * every < LONGEST_TASK, looks[-1]
            self.simulator.clock.advance(every)
            looks.append(self.task(resource, task_id))
        return looks

    def run(self, resource: str, body: Json) -> Json:
        return self.lived(resource, self.created(resource, body), JUST_THE_END)[-1]

    def download(self, url: str) -> httpx.Response:
        """Signed addresses stand alone: no key goes with them."""
        return fetch(url)

    def start(self, resource: str, body: Json) -> str:
        """A task that the provider has begun to work on."""
        task_id = self.created(resource, body)
        while self.task(resource, task_id)["status"] == "PENDING":
            self.simulator.clock.advance(1)
        assert self.task(resource, task_id)["status"] == "IN_PROGRESS"
        return task_id
