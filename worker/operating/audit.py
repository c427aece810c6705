"""The proof that credits, slots, queue and files add up.

The promises stand in SQL, with what to do about each: sql/functions/engine/audit.sql.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

# What rescues and sweeps may take before their work counts as missing.
GRACE = timedelta(minutes=2)
# It reads everything there is.
PATIENCE = 600.0  # s


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    promise: str
    subject: str
    looked_at: int
    broken: int
    first: tuple[str, ...]
    remedy: str

    @property
    def holds(self) -> bool:
        return self.broken == 0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def audit(connection: Connection[Any], grace: timedelta = GRACE) -> tuple[Check, ...]:
    """Of one snapshot. `grace` zero is for a queue at rest, whose workers have had their time."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select * from meshqueue.audit(%s)", [grace])
        return tuple(Check(**{**row, "first": tuple(row["first"])}) for row in cursor)


def broken(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(check for check in checks if not check.holds)
