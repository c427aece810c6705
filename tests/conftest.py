from asyncio import AbstractEventLoop
from collections.abc import Callable

import structlog
from hypothesis import settings

from worker.daemon.loop import new_event_loop
from worker.optimising import optimisers

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of an example
settings.load_profile("untimed")

# With the values of all variables, as structlog shows a fault unless told otherwise, each stops the
# loop for a second or more on a busy machine: then others lose patience, and so on.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Tests keep the processors busy themselves, and wait for what goes last of all: with two of them to
# each processor, a model that takes half a second took 5 to 14.
optimisers.NICENESS = 0

pytest_plugins = [
    "tests.support.servers",
    "tests.support.database",
    "tests.support.postgrest",
    "tests.support.project",
]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """What a worker runs on is what is tested."""
    return {"of the worker": new_event_loop}
