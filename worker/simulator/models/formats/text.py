"""Many numbers as text."""

from worker.simulator.models.arrays import Floats, Indices


def lines(pattern: str, rows: Floats | Indices) -> str:
    """The pattern filled with each row's numbers."""
    return pattern * len(rows) % tuple(rows.ravel().tolist())
