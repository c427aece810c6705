from asyncio import AbstractEventLoop
from collections.abc import Callable

import structlog
from hypothesis import settings

from worker.daemon.loop import new_event_loop

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

pytest_plugins = [
    "tests.support.servers",
    "tests.support.database",
    "tests.support.postgrest",
    "tests.support.project",
]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], AbstractEventLoop]]:
    """What a worker runs on is what is tested."""
    return {"of the worker": new_event_loop}
