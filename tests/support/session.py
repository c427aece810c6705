from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import JsonbDumper

CONNECT_TIMEOUT = 30


@dataclass(frozen=True)
class Session:
    """A connection that answers briefly. Parameters: `%s` positional or `%(name)s` by keyword."""

    connection: psycopg.Connection[DictRow]

    @property
    def pid(self) -> int:
        return self.connection.info.backend_pid

    def execute(self, query: str, *values: Any, **named: Any) -> psycopg.Cursor[DictRow]:
        return self.connection.execute(query.encode(), named or values or None)

    def rows(self, query: str, *values: Any, **named: Any) -> list[DictRow]:
        return self.execute(query, *values, **named).fetchall()

    def row(self, query: str, *values: Any, **named: Any) -> DictRow:
        """The only row that the query gives."""
        (only,) = self.rows(query, *values, **named)
        return only

    def value(self, query: str, *values: Any, **named: Any) -> Any:
        """The only column of the only row."""
        (only,) = self.row(query, *values, **named).values()
        return only

    def values(self, query: str, *values: Any, **named: Any) -> list[Any]:
        """The first column of every row."""
        return [next(iter(row.values())) for row in self.rows(query, *values, **named)]


def open_session(url: str) -> Session:
    connection = psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_TIMEOUT, row_factory=dict_row
    )
    connection.adapters.register_dumper(dict, JsonbDumper)
    return Session(connection)
