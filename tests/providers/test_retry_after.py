"""When the provider says to come back."""

from datetime import UTC, datetime

import pytest

from worker.providers.retry_after import retry_after

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        (" 12 ", 12),
        ("-3", 0),
        ("99999999", 3600),
        ("Sun, 01 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 99999 12:00:30 GMT", None),
    ],
)
def test_header(value: str, seconds: float | None) -> None:
    """Seconds or a date, never negative, never longer than an hour, or nothing."""
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_no_header() -> None:
    """Nothing was said."""
    assert retry_after({}) is None
