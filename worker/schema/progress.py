"""What `migrate` tells while it runs."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`seconds` is None for what was not run: a wait, or what stood already."""

    text: str
    details: tuple[str, ...] = ()
    seconds: float | None = None


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    pass
