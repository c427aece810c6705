"""What can stop a migration; each says what was wrong, where, and what to do.

SchemaError
├── PlatformError   the database is neither a Supabase project nor one that may be made to look so
├── SourceError     the SQL files contradict each other: a gap, a number twice
├── HistoryError    the database's history and the files disagree
├── BusyError       a lock was not to be had in time
└── ApplyError      the database refused a statement, or went away
"""

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
