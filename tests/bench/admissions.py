"""Whether admitting costs the same however many wait, and whether everyone gets their turn."""

from collections import Counter
from statistics import median, quantiles

import psycopg
from rich.console import Console
from rich.table import Table

from tests.bench.place import Database, Place

ADMISSIONS = 1_000
BLOCK = 50
SHORT = {"jobs": 100, "users": 10}
LONG = {"jobs": 100_000, "users": 1_000}


def bench_admissions(place: Place, console: Console) -> None:
    queues = {name: prepared(place, name, **size) for name, size in sizes().items()}
    seconds: dict[str, list[float]] = {name: [] for name in queues}
    turns: dict[str, Counter[str]] = {name: Counter() for name in queues}
    behind = 0
    for _ in range(ADMISSIONS // BLOCK):
        for name, database in queues.items():
            measure_block(database, seconds[name], turns[name])
            behind = max(behind, furthest_behind(database, turns[name]))
    console.print(table_of(seconds))
    console.print(f"turns that a user with waiting jobs was behind another, at most: {behind}")


def sizes() -> dict[str, dict[str, int]]:
    return {"short": SHORT, "long": LONG}


def prepared(place: Place, name: str, **size: int) -> Database:
    database = place.new_database(name)
    database.run_file("waiting.sql", **size)
    return database


def measure_block(database: Database, seconds: list[float], turns: Counter[str]) -> None:
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for number in range(BLOCK + 1):
            row = connection.execute("select * from bench.free_and_admit()").fetchone()
            if row is None or row[0] is None:
                raise RuntimeError(f"nothing was admitted in {database.name}")
            turns[str(row[1])] += 1
            if number:  # the first of a session makes its plans
                seconds.append(row[0])


def furthest_behind(database: Database, turns: Counter[str]) -> int:
    with psycopg.connect(database.url(), autocommit=True) as connection:
        rows = connection.execute("select user_id::text from meshqueue.ring").fetchall()
    counted = [turns[user] for (user,) in rows]
    return max(counted) - min(counted)


def table_of(seconds: dict[str, list[float]]) -> Table:
    table = Table(title=f"freeing a slot and admitting the next, {ADMISSIONS} times, in the server")
    for column in ("waiting", "median", "p95", "median, as a ratio", "p95, as a ratio"):
        table.add_column(column, justify="right")
    first = seconds["short"]
    for name, size in sizes().items():
        mine = seconds[name]
        table.add_row(
            f"{size['jobs']:,} of {size['users']:,} users",
            f"{median(mine) * 1e3:.2f} ms",
            f"{p95(mine) * 1e3:.2f} ms",
            f"{median(mine) / median(first):.2f}",
            f"{p95(mine) / p95(first):.2f}",
        )
    return table


def p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
