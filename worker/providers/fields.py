"""Reading what a provider sent: it may be anything, so each reader answers for everything."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

_TASK_ID = re.compile(r"(?!\.+$)[\w.:~-]{1,200}", re.ASCII)
_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})$", re.IGNORECASE)
_MILLISECONDS_FROM = 100_000_000_000  # as seconds: the year 5138


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def entries(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) < 1e15 else None  # noqa: PLR2004  # more is no amount of anything


def price(value: Any) -> float | None:
    """Below nought it is none: the database would take no end of a task with such a one."""
    found = number(value)
    return None if found is None or found < 0 else found


def percent(value: Any) -> int:
    return int(min(max(number(value) or 0, 0), 100))


def count(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found < 0 else int(found)


def moment(value: Any) -> datetime | None:
    """Epoch seconds or milliseconds, or ISO 8601; nought means never."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        epoch = number(value)
        if not epoch:
            return None
        return datetime.fromtimestamp(epoch / 1000 if epoch > _MILLISECONDS_FROM else epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def task_id(value: Any) -> str:
    """Empty unless it can stand in a path: ids are opaque, but not that opaque."""
    found = text(value)
    return found if _TASK_ID.fullmatch(found) else ""


def address(value: Any) -> str:
    found = text(value)
    return found if found.startswith(("https://", "http://")) else ""


def extension(url: str, otherwise: str) -> str:
    try:
        found = _EXTENSION.search(urlsplit(url).path)
    except ValueError:
        return otherwise
    return found[1].lower() if found else otherwise
