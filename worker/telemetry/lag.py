"""How late the event loop is: what blocks it delays every watch, heartbeat and answer."""

import asyncio

from worker.telemetry.instruments import LOOP_LAG_SECONDS

EVERY = 0.5  # s


async def measure_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY
        await asyncio.sleep(EVERY)
        LOOP_LAG_SECONDS.observe(max(loop.time() - due, 0))
