"""`meshqueue top`."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from worker.cli._text.json import show_json
from worker.cli._text.options import Json, Local, opened
from worker.cli._text.tables import drawn, new_console, show
from worker.cli._text.top import glance_parts
from worker.operating.desk import Connection, Row, address, connected, told
from worker.operating.errors import OperatingError
from worker.operating.glance import take_glance
from worker.settings import load_settings

LOOK_EVERY = 1.0  # s


def top(
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    local: Local = False,
    json: Json = False,
) -> None:
    """Watch workers, queues, slots, stages under way, rates and latencies. Ctrl-C ends it.

    In a pipe, and with --json, it looks once.
    """
    if once or json or not new_console().is_terminal:
        look_once(local=local, as_json=json)
    else:
        watch(local=local)


def look_once(*, local: bool, as_json: bool) -> None:
    with opened(local=local) as connection:
        glance = take_glance(connection)
    if as_json:
        show_json(glance)
    else:
        show(*glance_parts(glance))


def watch(*, local: bool) -> None:
    """Outlives the database: what went away is looked for again at each turn."""
    with address(load_settings(), local=local) as url, Live(
        console=new_console(), auto_refresh=False, screen=True
    ) as live:  # fmt: skip
        try:
            for found in glances(url):
                live.update(picture(found, live.console.width), refresh=True)
        except KeyboardInterrupt:
            return


def glances(url: str) -> Iterator[Row | OperatingError]:
    with ExitStack() as stack:
        connection: Connection | None = None
        while True:
            try:
                connection = connection or stack.enter_context(connected(url))
                with told():
                    yield take_glance(connection)
            except OperatingError as error:
                stack.pop_all().close()
                connection = None
                yield error
            time.sleep(LOOK_EVERY)


def picture(found: Row | OperatingError, room: int) -> Group:
    if isinstance(found, OperatingError):
        return Group(Text(str(found), "red"), Text("Trying again …"))
    return Group(*(drawn(part, room) for part in glance_parts(found)))
