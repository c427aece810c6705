"""Request rates: of any second (Meshy), or of windows that begin with a request (Tripo)."""

from collections import deque
from dataclasses import dataclass


class Sliding:
    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def take(self, now: float, limit: int, seconds: float = 1.0) -> float:
        """How long to wait; 0: the request may pass, and counts."""
        while self._times and self._times[0] <= now - seconds:
            self._times.popleft()
        if len(self._times) >= limit:
            return self._times[0] + seconds - now
        self._times.append(now)
        return 0.0


@dataclass(slots=True)
class Window:
    limit: int
    seconds: float
    begun: float = float("-inf")
    used: int = 0

    def take(self, now: float) -> bool:
        if now >= self.begun + self.seconds:
            self.begun, self.used = now, 0
        self.used += 1
        return self.used <= self.limit

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def reset_in(self, now: float) -> float:
        return max(0.0, self.begun + self.seconds - now)
