"""How long anything that has to do with Supabase Storage may take, by name. All in seconds."""

from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Patience:
    connect: float = 10
    write: float = 30
    answer: float = 60
    """After the last byte the server still has to bring the object to its own storage."""
    slowest: float = 64 * 1024
    """Bytes a second: who is slower is cut off."""
    attempts: int = 5
    """In a row without any progress."""
    pause_first: float = 0.5
    pause_most: float = 8
    asked_pause_most: float = 60
    """Who asks us to stay away for longer is left to a later call."""

    @property
    def phases(self) -> httpx.Timeout:
        return httpx.Timeout(connect=self.connect, pool=None, write=self.write, read=self.answer)

    def overall(self, size: int = 0) -> float:
        """Phases limit a pause, not the whole: a server may send a byte a second for ever."""
        return self.connect + self.write + self.answer + size / self.slowest

    def pause(self, attempt: int) -> float:
        return min(self.pause_first * 2.0 ** (attempt - 1), self.pause_most)


PATIENCE = Patience()
