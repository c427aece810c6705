"""How a command reaches its database, and what it says when it can't."""

import socket
from pathlib import Path

import psycopg
import pytest

from tests.operating.commands import Commands
from tests.support.database import Database
from tests.support.servers import Postgres
from tests.support.template import administrator
from worker.embedded import running
from worker.embedded.postmaster import find_postmaster
from worker.operating.desk import connected, desk, told
from worker.operating.errors import OperatingError
from worker.operating.spans import read_moment, read_span
from worker.schema.migrate import migrate
from worker.settings import Settings

COMMANDS = (
    ["jobs"],
    ["jobs", "show", "abcd"],
    ["jobs", "retry", "abcd"],
    ["jobs", "cancel", "abcd"],
    ["credits", "show"],
    ["credits", "grant", "a@example.com", "5", "--reason", "x"],
    ["credits", "audit"],
    ["providers"],
    ["providers", "pause", "meshy"],
    ["providers", "resume", "meshy"],
    ["top", "--once"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_without_meshqueue_is_said(
    blank_db: Database, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """By every command, with what to run."""
    monkeypatch.setenv("DATABASE_URL", blank_db.url(blank_db.server.superuser))
    answer = Commands()(*command)
    assert answer.code != 0
    assert "Run `meshqueue migrate` first" in answer.error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "DATABASE_URL is not set"),
        ("postgresql://p@h:6543/postgres", "transaction pooler"),
        ("nonsense", "can't be read"),
        ("postgresql://postgres@127.0.0.1:{port}/postgres", "can't be reached"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    """As the worker says it; no traceback, no password."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("DATABASE_URL", url.format(port=port))
    error = Commands()("jobs").error
    assert said in error
    assert "\n" not in error.strip()


def test_an_older_database_is_said(db: Database, ops: Commands) -> None:
    """The audit came with a later release: run migrate."""
    db.admin.execute("drop function meshqueue.audit(interval)")
    answer = ops("credits", "audit")
    assert "has an older meshqueue" in answer.error
    assert "meshqueue migrate" in answer.error


def test_a_role_without_rights_is_said(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which role it takes."""
    monkeypatch.setenv("DATABASE_URL", db.url("authenticator"))
    assert "must name the role that owns meshqueue" in Commands()("jobs").error


def test_no_question_lasts_for_ever(db: Database) -> None:
    """A statement that takes too long is ended, and that is said."""
    with (
        pytest.raises(OperatingError, match="took too long"),
        connected(db.url(), patience=0.2) as connection,
    ):
        connection.execute("select pg_sleep(60)")


def test_no_lock_is_waited_for_for_ever(db: Database) -> None:
    """Somebody who holds rows is named as the reason."""
    with psycopg.connect(db.url()) as holder, connected(db.url()) as connection:
        holder.execute("lock table public.app_settings")
        connection.execute("set lock_timeout = '100ms'")
        with pytest.raises(OperatingError, match="somebody else works on the same rows"), told():
            connection.execute("select from public.app_settings")


def test_one_connection_is_enough(db: Database, server: Postgres) -> None:
    """A command takes no more than one of a small pool's, and gives it back."""
    query = "select count(*) from pg_stat_activity where datname = %s and application_name = %s"
    with administrator(server) as admin:

        def counted() -> tuple[object, ...] | None:
            return admin.execute(query, [db.name, "meshqueue operator"]).fetchone()

        with connected(db.url()):
            assert counted() == (1,)
        while counted() == (1,):  # the server takes a moment to notice that it was closed
            pass
        assert counted() == (0,)


# --- the local one


@pytest.mark.newest_postgres
def test_the_local_server_is_joined_or_started_and_left_as_it_was(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that runs goes on; one that did not is stopped again. Advice leads back to it."""
    monkeypatch.setenv("MESHQUEUE_HOME", str(open_folder / "home"))
    settings = Settings.model_validate({"MESHQUEUE_HOME": open_folder / "home"})
    with running(settings.local_postgres) as server:
        migrate(server.url("supabase_admin"))
        data = server.home / "cluster"
        with desk(settings, local=True) as connection:
            assert connection.execute("select 1 as one").fetchone() == {"one": 1}
        assert find_postmaster(data) is not None
        paused = Commands()("providers", "pause", "meshy", "--local").text
        assert "`meshqueue providers resume meshy --local`" in paused
    assert find_postmaster(data) is None
    with desk(settings, local=True) as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
        assert find_postmaster(data) is not None
    assert find_postmaster(data) is None


@pytest.mark.newest_postgres
def test_a_local_server_that_never_was_is_not_made(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look makes nothing; the error says what does."""
    home = open_folder / "nowhere"
    monkeypatch.setenv("MESHQUEUE_HOME", str(home))
    answer = Commands()("jobs", "--local")
    assert "there is no local database in" in answer.error
    assert "meshqueue run --local" in answer.error
    assert not list(home.rglob("PG_VERSION"))


# --- times


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("2d", 172_800), ("1w", 604_800)]
)
def test_spans_are_read(text: str, seconds: int) -> None:
    """As people write them."""
    assert read_span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2 h", "1.5h", "2y"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """With examples."""
    with pytest.raises(OperatingError, match="1h30m"):
        read_span(text)


def test_more_than_ten_years_is_too_long() -> None:
    """No date before the calendar's first."""
    with pytest.raises(OperatingError, match="at most ten years"):
        read_moment("999999w")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21", "2026-11-21T00:00:00+00:00"),
        ("2026-11-21T10:00", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T10:00+02:00", "2026-11-21T10:00:00+02:00"),
    ],
)
def test_moments_are_read(text: str, moment: str) -> None:
    """Of UTC where no zone is given."""
    assert read_moment(text).isoformat() == moment
