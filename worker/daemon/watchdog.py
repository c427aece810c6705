"""Ends the process when it lives but does nothing: nobody asks /healthz after a deploy.

A thread, because the event loop may be what hangs. While the database answers nobody, ending helps
nobody: a host that starts a worker ten times in vain leaves it at that. So silence counts anew once
somebody is answered again: LISTEN and the pool come back a little later than the database. It also
does when the whole process was frozen.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping

import structlog

AT_MOST = 180.0  # s that a part may be dead
LOOK_EVERY, BEAT_EVERY = 5.0, 1.0
FROZEN = 4  # a pause that took so many times as long: no part of the process is to blame
EXIT_DEAD = 1

Silence = Callable[[], float]

log = structlog.get_logger()


class Watchdog:
    def __init__(
        self,
        signs: Mapping[str, Silence],
        database_answers: Callable[[], bool],
        die: Callable[[int], object] = os._exit,
        *,
        at_most: float = AT_MOST,
    ) -> None:
        self.signs = signs
        self._database_answers = database_answers
        self._die = die
        self._at_most = at_most
        self._alive_at = dict.fromkeys(["event loop", *signs], time.monotonic())
        self._database_was_mute = False
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    async def beat(self) -> None:
        """Runs on the event loop: that it runs at all is the sign of life."""
        while True:
            self.note(time.monotonic())
            await asyncio.sleep(min(BEAT_EVERY, self._at_most / 4))

    def note(self, now: float) -> None:
        self._alive_at["event loop"] = now
        for what, silent_for in self.signs.items():
            self._alive_at[what] = max(self._alive_at[what], now - silent_for())

    def dead(self, now: float) -> str | None:
        over = (what for what, at in self._alive_at.items() if now - at > self._at_most)
        what = next(over, None)
        if what is None or what == "event loop":
            return what
        was_mute, self._database_was_mute = self._database_was_mute, not self._database_answers()
        if self._database_was_mute:
            return None
        if was_mute:
            self._alive_at.update(dict.fromkeys(self.signs, now))
            return None
        return what

    def _watch(self) -> None:
        pause = min(LOOK_EVERY, self._at_most / 4)
        asked_at = time.monotonic()
        while not self._stopped.wait(pause):
            now = time.monotonic()
            if now - asked_at > FROZEN * pause:
                self._alive_at.update(dict.fromkeys(self._alive_at, now))
            if what := self.dead(now):
                log.critical("watchdog", action="watchdog", dead=what, seconds=self._at_most)
                self._die(EXIT_DEAD)
                return
            asked_at = time.monotonic()
