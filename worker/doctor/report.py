"""The findings for people, and for scripts."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from rich.markup import escape

from worker.doctor.check import Checked
from worker.doctor.finding import Level, skipped

COLOURS = {
    Level.OK: "green",
    Level.WARNING: "yellow",
    Level.FAILING: "bold red",
    Level.SKIPPED: "dim",
}
EXIT_CODES = {Level.OK: 0, Level.SKIPPED: 0, Level.WARNING: 1, Level.FAILING: 2}
INDENT = 2
LEVELS = max(len(level) for level in Level)
WIDEST = 140


def verdict(made: Sequence[Checked]) -> Level:
    return max((each.finding.level for each in made), key=EXIT_CODES.__getitem__, default=Level.OK)


def exit_code(made: Sequence[Checked]) -> int:
    return EXIT_CODES[verdict(made)]


def as_json(made: Sequence[Checked]) -> dict[str, Any]:
    return {
        "verdict": verdict(made) if exit_code(made) else Level.OK,
        "counts": {level: count(made, level) for level in Level},
        "checks": [
            {
                "group": each.check.group,
                "name": each.check.name,
                "level": each.finding.level,
                "what": each.finding.what,
                "what_to_do": each.finding.what_to_do or None,
                "seconds": round(each.seconds, 3),
            }
            for each in made
        ],
    }


def count(made: Sequence[Checked], level: Level) -> int:
    return sum(each.finding.level is level for each in made)


def as_table(made: Sequence[Checked], width: int | None) -> Iterator[str]:
    """Lines in rich's markup. Without a width, as in a pipe, none is broken."""
    names = max(len(each.check.name) for each in made)
    for group, members in groupby(made, key=lambda each: each.check.group):
        yield f"[bold]{group}[/bold]"
        for each in together(list(members)):
            yield from lines_of(each, names, width)
    yield summary(made)


def together(members: list[Checked]) -> Iterator[Checked]:
    """What is skipped for the same reason takes one line."""
    told: set[str] = set()
    for each in members:
        if each.finding.level is not Level.SKIPPED:
            yield each
        elif (why := each.finding.what) not in told:
            told.add(why)
            same = [member.check.name for member in members if member.finding == each.finding]
            yield replace(each, finding=skipped(f"{why}{others(same[1:])}"))


def others(names: list[str]) -> str:
    return f" (also: {', '.join(names)})" if names else ""


def lines_of(each: Checked, names: int, width: int | None) -> Iterator[str]:
    level, colour = each.finding.level, COLOURS[each.finding.level]
    before = f"{level:<{LEVELS}}  {each.check.name:<{names}}  "
    room = None if width is None else max(width - INDENT - len(before), 20)
    what, *rest = broken(each.finding.what, room)
    yield f"{' ' * INDENT}[{colour}]{level:<{LEVELS}}[/]{before[LEVELS:]}{escape(what)}"
    indent = " " * (INDENT + len(before))
    yield from (f"{indent}{escape(line)}" for line in rest)
    yield from (f"{indent}[cyan]{escape(line)}[/]" for line in advice(each, room))


def advice(each: Checked, room: int | None) -> list[str]:
    told = each.finding.what_to_do
    return broken(f"→ {told}", room) if told else []


def broken(text: str, room: int | None) -> list[str]:
    flat = " ".join(text.split())
    return [flat] if room is None else textwrap.wrap(flat, room) or [""]


def summary(made: Sequence[Checked]) -> str:
    counted = ", ".join(f"{n} {level}" for level in Level if (n := count(made, level)))
    return f"{len(made)} checks: {counted}"


def terminal_width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST)
