"""A table on a terminal; aligned plain text in a pipe."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console, Group
from rich.table import Table as RichTable
from rich.text import Text

from worker.cli._text.words import STYLES, one_line

GAP = 2  # blanks between columns
NARROWEST = 8
READABLE = 24  # of what wraps: narrower, it becomes a column of syllables


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    right: bool = False
    cut: bool = False
    """To what the others leave of the width."""
    wraps: bool = False
    """The same, but on several lines: nothing of it is lost."""


@dataclass(frozen=True, slots=True)
class Table:
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]
    title: str = ""
    if_empty: str = "none"


def columns(*names: str) -> tuple[Column, ...]:
    """`>name` stands right, `name…` is cut, `name↵` wraps."""
    return tuple(
        Column(name.strip(">…↵"), name.startswith(">"), name.endswith("…"), name.endswith("↵"))
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
                console.print(drawn(part, console.width))
            else:
                sys.stdout.write("".join(f"{line}\n" for line in lines(part)))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def drawn(part: Table | str, room: int) -> RichTable | Group | Text:
    if isinstance(part, str):
        return Text(part)
    if not part.rows:
        return Text(f"{part.title}: {part.if_empty}" if part.title else part.if_empty)
    part = fitted(without_blanks(part), room)
    if needed(part) > room:
        return Text("\n".join(lines(part)))
    table = RichTable(box=None, padding=(0, GAP, 0, 0), pad_edge=False, title=part.title or None)
    table.title_justify = "left"
    for column, width in zip(part.columns, widths_within(part, room), strict=True):
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            width=width,
        )
    for row in part.rows:
        table.add_row(*(Text(one_line(cell), STYLES.get(cell, "")) for cell in row))
    return Group(table, "") if part.title else table


def without_blanks(table: Table) -> Table:
    """A wide column in which nothing stands takes no room from the others."""
    kept = [
        at
        for at, column in enumerate(table.columns)
        if not (column.cut or column.wraps) or any(row[at] for row in table.rows)
    ]
    return keeping(table, kept)


def keeping(table: Table, kept: Sequence[int]) -> Table:
    rows = [[row[at] for at in kept] for row in table.rows]
    return replace(table, columns=tuple(table.columns[at] for at in kept), rows=rows)


def fitted(table: Table, room: int) -> Table:
    """What may be cut is left out altogether, the last first, before a number loses a digit."""
    for at in reversed([at for at, column in enumerate(table.columns) if column.cut]):
        if needed(table) > room:
            table = keeping(table, [other for other in range(len(table.columns)) if other != at])
    return table


def needed(table: Table) -> int:
    widths = [
        min(width, NARROWEST if column.cut else READABLE if column.wraps else width)
        for column, width in zip(table.columns, widths_of(table), strict=True)
    ]
    return sum(widths) + GAP * (len(widths) - 1)


def widths_within(table: Table, room: int) -> list[int]:
    """What gives way shares what the others leave; the narrowest first, who may need no more."""
    widths = widths_of(table)
    giving = [at for at, column in enumerate(table.columns) if column.cut or column.wraps]
    left = room - sum(widths) - GAP * (len(widths) - 1) + sum(widths[at] for at in giving)
    for place, at in enumerate(sorted(giving, key=lambda at: widths[at])):
        share = max(left // (len(giving) - place), NARROWEST)
        widths[at] = min(widths[at], share)
        left -= widths[at]
    return widths


def widths_of(table: Table) -> list[int]:
    everything = [[column.name for column in table.columns], *table.rows]
    return [
        max(cell_len(one_line(cell)) for cell in cells) for cells in zip(*everything, strict=True)
    ]


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
    widths = widths_of(table)
    for row in ([column.name for column in table.columns], *table.rows):
        placed = zip(row, table.columns, widths, strict=True)
        cells = (padded(one_line(cell), column, width) for cell, column, width in placed)
        yield (" " * GAP).join(cells).rstrip()


def padded(cell: str, column: Column, width: int) -> str:
    blank = " " * (width - cell_len(cell))
    return blank + cell if column.right else cell + blank


def named(pairs: Iterable[tuple[str, str]]) -> str:
    """Lines of a name and what it is; those that say nothing are left out."""
    return "\n".join(f"{name:<10} {one_line(text)}" for name, text in pairs if text)
