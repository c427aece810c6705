"""How much of the work on one file is done."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

Watch = Callable[[float], None]  # is told the share that is done, by any thread
TRIANGLE = 60  # in pixels: Draco's time for one against a picture's


def ignore(share: float) -> None:
    del share


@dataclass(slots=True)
class Progress:
    watch: Watch
    lock: Lock = field(default_factory=Lock)
    done: int = 0
    total: int = 0

    def follow(self, work: Sequence[tuple[Future[Any], int]]) -> None:
        """All of the work, each piece with its weight; some of it may be done already."""
        self.total = sum(weight for _, weight in work)
        for future, weight in work:
            future.add_done_callback(partial(self.add, weight))

    def add(self, weight: int, _: Future[Any]) -> None:
        """Told while locked, so that the share never falls back."""
        with self.lock:
            self.done += weight
            self.watch(self.done / self.total if self.total else 1.0)
