from dataclasses import dataclass, field

from worker.simulator.account import Account


def _pools() -> dict[str, int]:
    return {
        "model": 10,
        "p_series": 5,
        "image": 1,
        "animation": 10,
        "processing": 5,
        "mesh": 10,
    }


@dataclass(slots=True)
class TripoAccount(Account):
    frozen: float = 0
    pools: dict[str, int] = field(default_factory=_pools)
    """Concurrent tasks of each kind."""
    generations_per_minute: int = 200
    uploads_per_minute: int = 10
