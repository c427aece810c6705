"""What comes back from the database, and what goes there."""

import psycopg
import pytest

from tests.support.database import Database
from worker.database.connection import is_passing
from worker.database.writable import jsonb

pytestmark = pytest.mark.newest_postgres


def test_what_our_functions_say(db: Database) -> None:
    """A lock that a function could not get is tried again; a refusal is none."""
    for state, passes in (("PT503", True), ("PT409", False)):
        with pytest.raises(psycopg.Error) as raised:
            db.admin.execute(f"do $$ begin raise sqlstate '{state}'; end $$")
        assert is_passing(raised.value) is passes


def test_texts_that_postgres_cannot_hold(db: Database) -> None:
    """A model's names may hold anything; what is told of it is stored all the same."""
    told = {"left_\x00alone": ["a\x00b", ("\ud800c", 1.5, None, True)], "smile": "\U0001f600"}
    held = db.admin.value("select %s::jsonb", jsonb(told))
    assert held == {"left_alone": ["ab", ["c", 1.5, None, True]], "smile": "\U0001f600"}
