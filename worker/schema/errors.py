"""What can stop a migration; each says what was wrong, where, and what to do.

SchemaError
├── PlatformError   the database is neither a Supabase project nor one that may be made to look so
├── SourceError     the SQL files contradict each other: a gap, a number twice
├── HistoryError    the database's history and the files disagree
├── BusyError       a lock was not to be had in time
└── ApplyError      the database refused a statement, or went away
"""

import psycopg

from worker.errors import MeshqueueError


class SchemaError(MeshqueueError):
    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}\n{remedy}" if remedy else what)
        self.what = what
        self.remedy = remedy


class PlatformError(SchemaError):
    pass


class SourceError(SchemaError):
    pass


class HistoryError(SchemaError):
    pass


class BusyError(SchemaError):
    pass


class ApplyError(SchemaError):
    pass


def explained(error: psycopg.Error, place: str) -> ApplyError:
    told = [error.diag.message_primary or str(error), error.diag.message_detail]
    return ApplyError(
        f"{place}: {'; '.join(part for part in told if part)}",
        error.diag.message_hint or "Nothing of this step was kept. What ran before stands.",
    )
