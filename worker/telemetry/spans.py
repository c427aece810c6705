"""Where the spans of the work at hand go: nowhere, unless traces are wanted."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol


class Scene(Protocol):
    def span(self, name: str) -> AbstractContextManager[object]: ...


_scene: ContextVar[Scene | None] = ContextVar("scene", default=None)


def span(name: str) -> AbstractContextManager[object]:
    """Within the span that is open here; tasks that are started within inherit it."""
    scene = _scene.get()
    return nullcontext() if scene is None else scene.span(name)


@contextmanager
def played_on(scene: Scene) -> Iterator[None]:
    before = _scene.set(scene)
    try:
        yield
    finally:
        _scene.reset(before)
