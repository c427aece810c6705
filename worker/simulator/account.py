"""The one account of a provider: several keys, one balance."""

from dataclasses import dataclass, field
from random import Random

STARTING_CREDITS = 10_000.0


@dataclass(slots=True)
class Account:
    id: str
    credits: float = STARTING_CREDITS
    charged: float = 0
    refunded: float = 0
    keys: dict[str, bool] = field(default_factory=dict)
    work_seconds: tuple[float, float] | None = None
    """From, to; None: as long as such a task takes the provider."""

    def seconds_for(self, usual: float, dice: Random) -> float:
        return dice.uniform(*self.work_seconds) if self.work_seconds else usual

    def holds(self, key: str | None) -> bool:
        return key is not None and self.keys.get(key, False)


class KeyRing:
    """Draws keys that look like the provider's; the same seed gives the same keys."""

    def __init__(self, prefix: str, dice: Random) -> None:
        self._prefix = prefix
        self._dice = dice

    def draw(self) -> str:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return self._prefix + "".join(self._dice.choices(letters, k=40))
