"""What the provider's side knows: asked by tests, shown by the command."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worker.simulator.fault import Fault, Operation


@dataclass(frozen=True, slots=True)
class BookedTask:
    id: str
    resource: str
    kind: str
    body: Mapping[str, Any]
    """As it was sent, with bytes replaced by their digest and size."""
    key: str
    status: str
    progress: int
    credits_charged: float
    credits_refunded: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    answer_delivered: bool
    deleted: bool


@dataclass(slots=True)
class BookedRequest:
    at: datetime
    wall: float
    """time.monotonic(): what the client's own clock would say of the pace."""
    method: str
    path: str
    operation: Operation | None
    resource: str | None
    status: int | None = None
    """None: no answer was given."""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class BookedDownload:
    at: datetime
    task_id: str
    name: str
    status: int
    bytes: int
    with_bearer: bool
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class BookedDelivery:
    at: datetime
    url: str
    event: str
    task_id: str
    task_status: str
    progress: int | None
    attempt: int
    answer: int | None
    """The receiver's status; None if it gave none."""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Book:
    provider: str
    tasks: tuple[BookedTask, ...]
    requests: tuple[BookedRequest, ...]
    downloads: tuple[BookedDownload, ...]
    webhook_deliveries: tuple[BookedDelivery, ...]
    credits: float
    credits_spent: float
    concurrent: int
    peak_concurrent: int
    requests_per_second: int
    peak_requests_per_second: int
    open_connections: int


class Ledger:
    """The growing side of the book."""

    def __init__(self) -> None:
        self.requests: list[BookedRequest] = []
        self.downloads: list[BookedDownload] = []
        self.deliveries: list[BookedDelivery] = []
        self.peak_concurrent = 0
        self.peak_requests = 0
        self._second: deque[float] = deque()

    def requested(self, request: BookedRequest, pace: float) -> None:
        self.requests.append(request)
        self._second.append(pace)
        self.peak_requests = max(self.peak_requests, self.requests_in_second(pace))

    def requests_in_second(self, pace: float) -> int:
        while self._second and self._second[0] <= pace - 1:
            self._second.popleft()
        return len(self._second)
