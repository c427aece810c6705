"""A run in this worker's hands, and what its steps need."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from worker.database.engine import Engine
from worker.database.records import Run
from worker.pipeline.posts import Posts
from worker.pipeline.progress import Progress
from worker.providers.failure import Failure
from worker.providers.order import Picture
from worker.providers.protocol import Provider

ReadPictures = Callable[[Run], Awaitable[tuple[Picture, ...] | Failure]]


@dataclass(frozen=True, slots=True)
class Served:
    """A provider that this worker has a key for."""

    provider: Provider
    fingerprint: str
    """Of the key: a pause belongs to it, so that one bad key does not stop the others."""


@dataclass(frozen=True, slots=True)
class Tools:
    engine: Engine
    served: Served
    progress: Progress
    posts: Posts
    read_pictures: ReadPictures

    @property
    def provider(self) -> Provider:
        return self.served.provider


@dataclass(slots=True)
class Held:
    run: Run
    """Replaced when the run is begun again with a new attempt; never changed."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The job has ended: what is paid for is withdrawn, or seen to its end."""
    task_id: str | None = None

    def __post_init__(self) -> None:
        if self.run.draining:
            self.over.set()

    @property
    def draining(self) -> bool:
        return self.over.is_set()

    def replace(self, run: Run) -> None:
        self.run = run
        if run.draining:
            self.over.set()

    def names(self) -> dict[str, object]:
        """As every line of the log about it says."""
        run = self.run
        return {"job": str(run.job_id), "stage": run.stage, "run": run.id, "attempt": run.attempt}
