"""The two providers as one thing: a way in that costs money, and the file that comes of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tests.conformance.meshy.orders import SMALL, preview
from tests.conformance.tripo.orders import text
from tests.conformance.wire import PATIENCE, client
from worker.simulator import Simulator

HASTE = httpx.Timeout(10.0, read=0.3)


@contextmanager
def in_haste(http: httpx.Client) -> Iterator[httpx.Client]:
    """For the one request that will not be answered; a loaded machine may delay a good one."""
    http.timeout = HASTE
    yield http
    http.timeout = PATIENCE


@dataclass(frozen=True)
class Door:
    provider: Literal["meshy", "tripo"]
    path: str
    body: Callable[[], dict[str, Any]]
    task_id: Callable[[dict[str, Any]], str]
    model_url: Callable[[dict[str, Any]], str]
    look: str

    def __str__(self) -> str:
        return self.provider

    def open(self, simulator: Simulator) -> httpx.Client:
        side = simulator.meshy if self.provider == "meshy" else simulator.tripo
        return client(side.url, side.key)

    def create(self, http: httpx.Client) -> httpx.Response:
        return http.post(self.path, json=self.body())

    def created(self, http: httpx.Client) -> str:
        answer = self.create(http)
        assert answer.is_success, answer.text
        return self.task_id(answer.json())

    def model(self, http: httpx.Client, task_id: str) -> str:
        return self.model_url(http.get(f"{self.look}/{task_id}").json())

    def finished(self, simulator: Simulator, http: httpx.Client) -> str:
        """The address of a model that is done."""
        task_id = self.created(http)
        simulator.settle(task_id, "succeeded")
        return self.model(http, task_id)


DOORS = (
    Door(
        provider="meshy",
        path="/openapi/v2/text-to-3d",
        body=lambda: preview(**SMALL, target_formats=["glb"]),
        task_id=lambda answer: str(answer["result"]),
        model_url=lambda task: str(task["model_urls"]["glb"]),
        look="/openapi/v2/text-to-3d",
    ),
    Door(
        provider="tripo",
        path="/v3/generation/text-to-model",
        body=lambda: text(face_limit=1_000),
        task_id=lambda answer: str(answer["data"]["task_id"]),
        model_url=lambda answer: str(answer["data"]["output"]["model_url"]),
        look="/v3/tasks",
    ),
)
