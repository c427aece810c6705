"""How long anything that has to do with a provider may take, by name. All in seconds."""

from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Patience:
    connect: float = 10
    place: float = 10
    """For a place among the account's requests under way."""
    write: float = 30
    answer: float = 20
    paid_answer: float = 60
    """A provider looks at prompt and images before it answers a paid request."""
    upload: float = 120
    turn: float = 90
    """For a request's turn under the account's rate."""
    paid_turn: float = 10
    """A paid request leaves soon after its intent was written down, or not at all."""

    stream_silence: float = 25
    """Keep-alives come about every 10 s: after three missed ones a stream is dead."""
    reconnect_first: float = 1
    reconnect_most: float = 60
    poll_first: float = 5
    poll_most: float = 30
    poll_at_the_end: float = 15
    """From 95 % on, where tasks stay for up to two minutes."""
    batch: float = 3

    def phases(self, answer: float) -> httpx.Timeout:
        return httpx.Timeout(connect=self.connect, pool=None, write=self.write, read=answer)

    def overall(self, answer: float) -> float:
        """Phases limit a pause, not the whole: a server may send a byte a second for ever."""
        return self.connect + self.write + answer


PATIENCE = Patience()
