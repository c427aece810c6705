"""Exporters like to store one picture many times over. It is worked on once."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Who asks first for a key does the work; the others wait for what it gives, or raises."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.futures: dict[Hashable, Future[T]] = {}

    def __call__(self, key: Hashable, work: Callable[[], T]) -> T:
        with self.lock:
            known = self.futures.get(key)
            future = self.futures.setdefault(key, Future())
        if known is None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - whatever it is, everybody gets it
                future.set_exception(error)
        return future.result()
