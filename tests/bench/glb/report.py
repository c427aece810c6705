"""The tables, and what they come to: targets met and missed."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Cell = float | int | str | None
AS_RATIO = "{:.3f}"


@dataclass(frozen=True)
class Outcome:
    what: str
    figure: float
    target: float
    stretch: float | None = None
    form: str = AS_RATIO
    higher_is_better: bool = False

    def reaches(self, bound: float) -> bool:
        return self.figure >= bound if self.higher_is_better else self.figure <= bound

    @property
    def verdict(self) -> str:
        if not self.reaches(self.target):
            return "MISSED"
        stretched = self.stretch is not None and self.reaches(self.stretch)
        return "met, and the stretch" if stretched else "met"


def count(what: str, number: int) -> Outcome:
    """Of what should not be there."""
    return Outcome(what, number, 0, form="{:.0f}")


def in_decibels(what: str, figure: float, target: float) -> Outcome:
    return Outcome(what, figure, target, form="{:+.2f}", higher_is_better=True)


def geomean(ratios: Iterable[float]) -> float:
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan


def show(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    form: Callable[[Cell], str] | None = None,
) -> None:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(form or text, row))
    console.print(table)


def text(cell: Cell) -> str:
    if cell is None:
        return "failed"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell if isinstance(cell, str) else AS_RATIO.format(cell)


def show_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    rows = [
        (
            each.what,
            each.form.format(each.figure),
            ("at least " if each.higher_is_better else "at most ") + each.form.format(each.target),
            "" if each.stretch is None else each.form.format(each.stretch),
            each.verdict,
        )
        for each in outcomes
    ]
    show(console, "What it comes to", ("", "measured", "target", "stretch", ""), rows)
