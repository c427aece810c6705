"""Numbers, times and texts, short enough for a table."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
STYLES: Mapping[str, str] = {
    "SUCCEEDED": "green",
    "done": "green",
    "ok": "green",
    "FAILED": "red",
    "failed": "red",
    "broken": "red",
    "gone": "red",
    "CANCELED": "yellow",
    "canceled": "yellow",
    "paused": "yellow",
    "IN_PROGRESS": "cyan",
    "running": "cyan",
    "draining": "magenta",
}


def with_local(text: str, *, local: bool) -> str:
    """Whoever looked at the database on this machine also acts there."""
    return re.sub(r"`(meshqueue [^`]+)`", r"`\1 --local`", text) if local else text


def span(seconds: float | None) -> str:
    """The two largest units: `1 d 3 h`, `2 min 5 s`, `0.4 s`."""
    if seconds is None:
        return ""
    if abs(seconds) < 10:  # noqa: PLR2004 - a tenth counts below ten
        return f"{seconds:.1f} s"
    rest = round(abs(seconds))
    parts = []
    for size, unit in UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    if rest:
        parts.append(f"{rest} s")
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def ago(moment: datetime | str | None, now: datetime | None = None) -> str:
    if moment is None:
        return ""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    passed: timedelta = (now or datetime.now(UTC)) - then
    return span(round(max(passed.total_seconds(), 0)) or 0.0)


def age(moment: datetime) -> str:
    """The largest unit alone, for a column."""
    return " ".join(ago(moment).split()[:2])


def stamp(moment: datetime | str | None) -> str:
    if moment is None:
        return ""
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: str | None) -> str:
    """For a column, where the year is known."""
    return stamp(moment)[5:]


def one_line(text: object) -> str:
    """What users wrote can't move the cursor or colour the screen."""
    shown = "".join(sign if sign.isprintable() else " " for sign in str(text or ""))
    return " ".join(shown.split())


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
