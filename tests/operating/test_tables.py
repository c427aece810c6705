"""How things are shown: a table on a terminal, aligned text in a pipe."""

import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rich.console import Console

from tests.support.cache import CHECKOUT
from worker.cli._text.tables import Table, aligned, columns, drawn, lines, widths_within
from worker.cli._text.words import ago, number, one_line, span

NAMES = columns("id", ">credits", "prompt…")
ROWS = [("a", "5", "a katana"), ("bcd", "1,000", "日本刀"), ("e", "", "")]


def test_a_pipe_gets_aligned_lines() -> None:
    """Numbers stand right; wide letters count as two; nothing is cut; no blanks at the end."""
    assert list(aligned(Table(NAMES, ROWS))) == [
        "id   credits  prompt",
        "a          5  a katana",
        "bcd    1,000  日本刀",
        "e",
    ]


def test_a_title_and_nothing() -> None:
    """What is empty is said in one line."""
    assert list(lines(Table(NAMES, [], "files"))) == ["files: none", ""]
    assert list(lines(Table(NAMES, [], if_empty="no such jobs"))) == ["no such jobs"]
    assert next(lines(Table(NAMES, ROWS[:1], "files"))) == "files:"


def test_a_terminal_cuts_what_fills() -> None:
    """A long prompt is cut to the width, the other columns stay whole."""
    out = io.StringIO()
    console = Console(file=out, width=40, force_terminal=True, color_system=None)
    console.print(drawn(Table(NAMES, [("abcdefgh", "1,000", "katana " * 40)]), 40))
    shown = out.getvalue().splitlines()
    assert all(len(line) <= 40 for line in shown)
    assert any("abcdefgh" in line and "1,000" in line and "…" in line for line in shown)


def test_what_gives_way_shares_the_room() -> None:
    """Who needs less leaves it to the others; what wraps loses nothing; the others stay whole."""
    names = columns("id", "user…", "prompt…", "where↵")
    table = Table(names, [("x" * 10, "u" * 5, "p" * 100, "w" * 100)])
    assert widths_within(table, 80) == [10, 5, 29, 30]
    assert widths_within(table, 300) == [10, 5, 100, 100]
    assert widths_within(table, 20) == [10, 5, 8, 8]
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    console.print(drawn(table, 80))
    assert out.getvalue().count("w") == 101
    assert "x" * 10 in out.getvalue()


def shown(table: Table, room: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=room, force_terminal=True, color_system=None)
    console.print(drawn(table, room))
    return out.getvalue()


def test_a_narrow_terminal_cuts_no_number() -> None:
    """First what may be cut stays away; where that is not enough, lines wrap and are whole."""
    names = columns("id", "status", ">balance", "user…", "prompt…")
    table = Table(names, [("2d9a6f01", "SUCCEEDED", "6,999,950", "ada@example.com", "a katana")])
    assert "ada@ex" in shown(table, 45)
    assert "prompt" not in shown(table, 45)
    for room in (34, 20):
        text = shown(table, room)
        assert {"2d9a6f01", "SUCCEEDED", "6,999,950"} <= set(text.split())
        assert max(map(len, text.splitlines())) <= room


def test_a_narrow_terminal_makes_no_column_of_syllables() -> None:
    """What wraps has room for words, or stands in lines that wrap as a whole."""
    table = Table(columns("check", "promise↵"), [("balance_of_all", "the sum of the ledger " * 3)])
    text = shown(table, 30)
    assert "balance_of_all  the sum of" in text
    assert len(text.splitlines()) < 6


def test_markup_of_users_is_text() -> None:
    """A prompt in brackets is not taken for a colour."""
    out = io.StringIO()
    console = Console(file=out, width=60, force_terminal=True, color_system=None)
    console.print(drawn(Table(NAMES, [("a", "5", "[red]katana[/red]")]), 60))
    assert "[red]katana[/red]" in out.getvalue()


def test_a_reader_that_leaves_is_no_fault() -> None:
    """As in `meshqueue jobs | head -1`: nothing is printed about it."""
    program = "from worker.cli._text.tables import show; show('x' * 1_000_000, 'y')"
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{program}" | head -c 1; echo ${{PIPESTATUS[0]}}'],
        env={"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("x0\n", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0, "0.0 s"), (0.44, "0.4 s"), (59.6, "1 min"), (125, "2 min 5 s"),
        (3600, "1 h"), (90_061, "1 d 1 h"), (-90, "-1 min 30 s"),
    ],
)  # fmt: skip
def test_spans_are_short(seconds: float | None, text: str) -> None:
    """The two largest units."""
    assert span(seconds) == text


def test_ages_are_short() -> None:
    """Of a time or its text; a clock that runs ahead of ours is no negative age."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert ago(now - timedelta(minutes=3), now) == "3 min"
    assert ago("2025-12-31T23:00:00+00:00", now) == "1 h"
    assert ago(now + timedelta(seconds=5), now) == "0.0 s"
    assert ago(None) == ""


def test_numbers_are_short() -> None:
    """Decimals only where there are any."""
    assert [number(value) for value in (None, 0, 12345, 22.5)] == ["", "0", "12,345", "22.50"]
    assert number(float(Decimal("7.25"))) == "7.25"


def test_texts_stay_on_their_line() -> None:
    """And move no cursor."""
    assert one_line("a\n\tb\x1b[2Jc") == "a b [2Jc"
    assert one_line(None) == ""
