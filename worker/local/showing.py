"""How a local job is shown: a bar while it works, a table when it is done."""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from worker.local.following import follow
from worker.local.user import Row, User

WORDS = {"QUEUED": "waits", "IN_PROGRESS": "works", "SUCCEEDED": "done"}


def say(console: Console, what: str, text: str) -> None:
    console.print(f"[bold]{what:<14}[/bold] {escape(text)}")


async def show_work(console: Console, user: User, job: UUID) -> Row:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    row: Row = {}
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("", total=100)
        async for row in follow(user, job):
            progress.update(bar, completed=row["progress"], description=describe(row))
            if not console.is_terminal:
                say(console, "job", f"{describe(row)}, {row['progress']} %")
    return row


def describe(row: Row) -> str:
    if row["status"] == "IN_PROGRESS":
        return str(row["stage"])
    return str(row["status"])


def table_of(row: Row, files: Mapping[str, Path]) -> Table:
    result = row["result_payload"] or {}
    table = Table(title="what was made")
    for column in ("file", "size"):
        table.add_column(column, justify="left" if column == "file" else "right")
    for path in files.values():
        table.add_row(str(path), f"{path.stat().st_size:,} bytes")
    seconds = result.get("seconds", {})
    table.caption = ", ".join(
        [f"{stage} {seconds[stage]} s" for stage in row["plan"] if stage in seconds]
        + [made_smaller(result)]
    )
    return table


def made_smaller(result: Row) -> str:
    before, after = result["bytes_before"], result["bytes_after"]
    return f"GLB {before:,} → {after:,} bytes"
