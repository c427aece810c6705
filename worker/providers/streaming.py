"""Watching a task over its stream of server-sent events, with polling underneath."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress

import orjson
from httpx_sse import ServerSentEvent

from worker.providers.http import Http
from worker.providers.mapping import Mapping
from worker.providers.outcome import State
from worker.providers.pace import Limit, Pace
from worker.providers.patience import Patience
from worker.providers.watch import Watch

GROWTH = 1.5
# Looks at a task that hints ask for: whoever has a webhook's secret may send any number. Rejected:
# 2 s between two of them. A hint of progress may come right before that of the end.
HURRIES = Limit(20, 30)


async def listen(watch: Watch, mapping: Mapping, http: Http) -> None:
    """Keeps a stream open. Whenever it ends, the task is asked about at once, then polled."""
    loop = asyncio.get_running_loop()
    pause = http.patience.reconnect_first
    while call := mapping.stream(watch.task):
        opened = loop.time()
        await _hear(watch, mapping, http.events(call))
        watch.starve()
        if loop.time() - opened > http.patience.reconnect_most:
            pause = http.patience.reconnect_first
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # spreads load, guards nothing
        pause = min(pause * 2, http.patience.reconnect_most)
    watch.starve()


async def _hear(
    watch: Watch, mapping: Mapping, stream: AsyncGenerator[ServerSentEvent, None]
) -> None:
    """Until the stream ends, or says something that needs a look at the task itself."""
    async with aclosing(stream) as events:
        async for event in events:
            state = mapping.event_state(watch.task, event.event, _parsed(event.data))
            if state is None:
                return
            watch.fed = True
            watch.put(state)


def _parsed(data: str) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


async def poll(watch: Watch, look: Callable[[], Awaitable[State]], patience: Patience) -> None:
    """Asks when rung, and at growing intervals while nothing feeds the watch."""
    interval, hurries = patience.poll_first, Pace(HURRIES)
    while True:
        rung = await watch.rung(None if watch.fed else interval)
        if watch.fed and not rung:
            interval = patience.poll_first
            continue
        if watch.hurried:
            with suppress(TimeoutError):  # as often as it is polled, it may always be asked
                async with asyncio.timeout(interval):
                    await hurries.turn()
        watch.put(await look())
        interval = _next(interval, patience, near_the_end=watch.near_the_end)


def _next(interval: float, patience: Patience, *, near_the_end: bool) -> float:
    most = patience.poll_at_the_end if near_the_end else patience.poll_most
    return min(interval * GROWTH, most)
