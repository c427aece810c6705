"""A table on a terminal; aligned plain text in a pipe."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from worker.cli._text.words import STYLES, one_line


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    right: bool = False
    fills: bool = False
    """Gets what is left of the width, and is cut to it."""


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]
    title: str = ""
    if_empty: str = "none"


def columns(*names: str) -> tuple[Column, ...]:
    """`>name` stands right, `name…` fills."""
    return tuple(
        Column(name.strip(">…"), right=name.startswith(">"), fills=name.endswith("…"))
        for name in names
    )


def new_console() -> Console:
    return Console(highlight=False)


def show(*parts: Table | str) -> None:
    """To standard output. A pipe whose reader has left is no fault."""
    console = new_console()
    try:
        for part in parts:
            if console.is_terminal:
                console.print(drawn(part))
            else:
                sys.stdout.write("".join(f"{line}\n" for line in lines(part)))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def drawn(part: Table | str) -> RichTable | Text:
    if isinstance(part, str):
        return Text(part)
    if not part.rows:
        return Text(f"{part.title}: {part.if_empty}" if part.title else part.if_empty)
    table = RichTable(box=box.SIMPLE_HEAD, title=part.title or None, title_justify="left")
    for column in part.columns:
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if column.fills else None,
        )
    table.expand = any(column.fills for column in part.columns)
    for row in part.rows:
        table.add_row(*(Text(one_line(cell), STYLES.get(cell, "")) for cell in row))
    return table


def lines(part: Table | str) -> Iterator[str]:
    if isinstance(part, str):
        yield part
        return
    if part.title:
        yield f"{part.title}:" if part.rows else f"{part.title}: {part.if_empty}"
    elif not part.rows:
        yield part.if_empty
    if part.rows:
        yield from aligned(part)
    if part.title:
        yield ""


def aligned(table: Table) -> Iterator[str]:
    cells = [[one_line(cell) for cell in row] for row in table.rows]
    everything = [[column.name for column in table.columns], *cells]
    widths = [
        max(cell_len(row[place]) for row in everything) for place in range(len(table.columns))
    ]
    for row in everything:
        placed = zip(row, table.columns, widths, strict=True)
        yield "  ".join(padded(cell, column, width) for cell, column, width in placed).rstrip()


def padded(cell: str, column: Column, width: int) -> str:
    blank = " " * (width - cell_len(cell))
    return blank + cell if column.right else cell + blank


def named(pairs: Iterable[tuple[str, str]]) -> str:
    """Lines of a name and what it is; those that say nothing are left out."""
    return "\n".join(f"{name:<10} {one_line(text)}" for name, text in pairs if text)
