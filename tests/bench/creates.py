"""How fast jobs are created, as a share of what procrastinate's own bare enqueue does."""

import os
import re
import subprocess
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.place import SQL, Database, Place

CLIENTS = 8
ROUNDS = 5
NO_SLOTS = 0
SLOTS_FOR_ALL = 10_000


@dataclass(frozen=True)
class Round:
    defer: float
    full: float
    admitted: float


def bench_creates(place: Place, console: Console, seconds: int) -> None:
    database = place.new_database("creates")
    database.run_file("users.sql")
    database.execute("vacuum analyze")
    measure_round(database, 1)  # warms caches and plans; not counted
    rounds = []
    for number in range(1, ROUNDS + 1):
        rounds.append(measure_round(database, seconds))
        console.print(f"  round {number} of {ROUNDS}", style="dim")
    console.print(table_of(rounds))


def measure_round(database: Database, seconds: int) -> Round:
    set_slots(database, NO_SLOTS)
    full = rate(database, "create.sql", seconds, role="authenticated")
    defer = rate(database, "defer.sql", seconds, role="postgres")
    set_slots(database, SLOTS_FOR_ALL)
    admitted = rate(database, "create.sql", seconds, role="authenticated")
    empty_queue(database)
    return Round(defer, full, admitted)


def set_slots(database: Database, slots: int) -> None:
    database.execute(
        "update public.app_settings set value = %s where key = 'max_in_flight_meshy'", str(slots)
    )


def empty_queue(database: Database) -> None:
    """So that raising the limit does not admit what an earlier round left waiting."""
    database.execute("update meshqueue.slots set run_id = null, taken_at = null")
    database.execute("truncate meshqueue.waiting, meshqueue.ring")


def rate(database: Database, script: str, seconds: int, *, role: str) -> float:
    empty_queue(database)
    server = database.place.server
    command = [
        str(database.place.programs / "pgbench"),
        *("--no-vacuum", "--client", str(CLIENTS), "--time", str(seconds)),
        *("--host", str(server.socket), "--port", str(server.port), "--username", "postgres"),
        *("--file", str(SQL / script), database.name),
    ]
    environment = {**os.environ, "PGOPTIONS": f"-c role={role}"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found or "ERROR" in done.stderr:
        raise RuntimeError(f"pgbench on {script} failed: {done.stderr[:1000]}")
    return float(found[1])


def table_of(rounds: list[Round]) -> Table:
    table = Table(title=f"create_ai_job_with_credits from {CLIENTS} connections, 50,000 users")
    for column in ("", "a second (median)", "ratio to a bare enqueue", "lowest, highest"):
        table.add_column(column, justify="left" if not column else "right")
    bare = [each.defer for each in rounds]
    table.add_row("bare procrastinate_defer_jobs_v1", f"{median(bare):.0f}", "1", "")
    add_row(table, "created while all slots are full", [each.full for each in rounds], bare)
    add_row(table, "created and admitted at once", [each.admitted for each in rounds], bare)
    return table


def add_row(table: Table, name: str, rates: list[float], bare: list[float]) -> None:
    ratios = [ours / theirs for ours, theirs in zip(rates, bare, strict=True)]
    spread = f"{min(ratios):.2f}, {max(ratios):.2f}"
    table.add_row(name, f"{median(rates):.0f}", f"{median(ratios):.2f}", spread)
