"""Times as people write them: `90s`, `30m`, `1h30m`, `2d`, or a date."""

import re
from datetime import UTC, datetime, timedelta

from worker.operating.errors import OperatingError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=3650)
SPAN = re.compile(r"(?:\d{1,6}[smhdw])+")


def read_span(text: str) -> timedelta:
    if not SPAN.fullmatch(text):
        raise OperatingError(f"{text} is no length of time: write it like 90s, 30m, 1h30m or 2d.")
    parts = re.findall(r"(\d+)([smhdw])", text)
    found = sum((timedelta(**{UNITS[unit]: int(n)}) for n, unit in parts), timedelta())
    if found > LONGEST:
        raise OperatingError(f"{text} is too long: at most ten years, written 3650d.")
    return found


def read_moment(text: str) -> datetime:
    """So long ago, or a date and time (UTC where no zone is given)."""
    if SPAN.fullmatch(text):
        return datetime.now(UTC) - read_span(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise OperatingError(
            f"{text} is no moment: write how long ago (90s, 30m, 1h30m, 2d), or a date like "
            "2026-11-21 or 2026-11-21T10:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
