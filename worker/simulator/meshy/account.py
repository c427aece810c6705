from dataclasses import dataclass

from worker.simulator.account import Account


@dataclass(slots=True)
class MeshyAccount(Account):
    """The limits are the Pro plan's, over all keys together."""

    free_plan: bool = False
    requests_per_second: int = 20
    queued_tasks: int = 10
