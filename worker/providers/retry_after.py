"""The header `Retry-After`: seconds, or a date."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    text = headers.get("retry-after", "").strip()
    seconds = _seconds(text)
    if seconds is None:
        seconds = _seconds_until(text, now or datetime.now(UTC))
    return None if seconds is None else min(max(seconds, 0.0), LONGEST)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _seconds_until(text: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return (aware - now).total_seconds()
