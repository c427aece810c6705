"""Calls that block, in threads that nothing waits for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Answer = TypeVar("Answer")


async def aside(call: Callable[..., Answer], *values: object) -> Answer:
    """`asyncio.to_thread` would keep the process alive until a dead name server gives up."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def tell(deliver: Callable[[Any], None], what: object) -> None:
        def still_wanted() -> None:
            if not answer.done():
                deliver(what)

        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(still_wanted)

    def run() -> None:
        try:
            tell(answer.set_result, call(*values))
        except Exception as error:  # noqa: BLE001 - handed on to whoever asked
            tell(answer.set_exception, error)

    threading.Thread(target=run, name="doctor", daemon=True).start()
    return await answer
