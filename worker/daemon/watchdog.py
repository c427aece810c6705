"""Ends the process when it lives but does nothing: nobody asks /healthz after a deploy.

A thread, because the event loop may be what hangs.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable

import structlog

AT_MOST = 180.0  # s that the event loop or LISTEN may be dead
LOOK_EVERY = 5.0
EXIT_DEAD = 1

Silence = Callable[[], float]

log = structlog.get_logger()


class Watchdog:
    def __init__(
        self,
        silent_for: Silence,
        die: Callable[[int], object] = os._exit,
        *,
        at_most: float = AT_MOST,
    ) -> None:
        self._silent_for = silent_for
        self._die = die
        self._at_most = at_most
        self._beaten_at = self._heard_at = time.monotonic()
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    async def beat(self) -> None:
        """Runs on the event loop: that it runs at all is the sign of life."""
        while True:
            self._beaten_at = time.monotonic()
            if self._silent_for() < self._at_most:
                self._heard_at = self._beaten_at
            await asyncio.sleep(1)

    def _watch(self) -> None:
        while not self._stopped.wait(min(LOOK_EVERY, self._at_most / 4)):
            now = time.monotonic()
            for what, since in (("event loop", self._beaten_at), ("LISTEN", self._heard_at)):
                if now - since > self._at_most:
                    log.critical("watchdog", action="watchdog", dead=what, seconds=int(now - since))
                    self._die(EXIT_DEAD)
                    return
