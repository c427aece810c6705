"""The whole catalog of what is ours, by kind and name, to compare two databases."""

from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

CATALOG = Path(__file__).parent / "catalog"

Snapshot = dict[str, dict[str, str]]


def snapshot(connection: psycopg.Connection[Any]) -> Snapshot:
    """Definitions depend on the search path; an empty one makes every name in them complete."""
    with connection.transaction():
        connection.execute("set local search_path = ''")
        return {file.stem: read_kind(connection, file) for file in sorted(CATALOG.glob("*.sql"))}


def read_kind(connection: psycopg.Connection[Any], file: Path) -> dict[str, str]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return dict(cursor.execute(file.read_bytes()))


def differences(one: Snapshot, other: Snapshot) -> list[str]:
    return [
        f"{kind} {name}"
        for kind in sorted(one.keys() | other.keys())
        for name in differing_names(one.get(kind, {}), other.get(kind, {}))
    ]


def differing_names(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n))
