"""What a client is told when the database says no."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest


class Refusal:
    """Filled once the block has ended."""

    message: str = ""
    detail: str | None = None
    hint: str | None = None


@contextmanager
def refused(code: str) -> Iterator[Refusal]:
    """The statement inside must be refused with exactly this SQLSTATE."""
    refusal = Refusal()
    with pytest.raises(psycopg.Error) as caught:
        yield refusal
    diagnosis = caught.value.diag
    assert (caught.value.sqlstate, diagnosis.message_primary) == (code, diagnosis.message_primary)
    refusal.message = diagnosis.message_primary or ""
    refusal.detail = diagnosis.message_detail
    refusal.hint = diagnosis.message_hint
