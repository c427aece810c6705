"""The steps of a job's stages: each is timed, and a span of its job's trace."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from worker.telemetry.instruments import STEP_SECONDS
from worker.telemetry.spans import span

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

Act = Callable[Given, Coroutine[Any, Any, Answer]]


def step(name: str) -> Callable[[Act[Given, Answer]], Act[Given, Answer]]:
    def as_step(act: Act[Given, Answer]) -> Act[Given, Answer]:
        @wraps(act)
        async def timed(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
            with span(name), STEP_SECONDS.labels(name).time():
                return await act(*args, **kwargs)

        return timed

    return as_step
