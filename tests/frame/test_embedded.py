import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.cache import CHECKOUT
from worker.embedded import SUPERUSER, THROW_AWAY, Server, binaries, place, running
from worker.embedded.account import server_account
from worker.embedded.postmaster import find_postmaster
from worker.errors import EmbeddedPostgresError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another")


@pytest.fixture(scope="module")
def data(open_folder: Path) -> Path:
    """The data of a server that each test starts for itself."""
    return open_folder / "data"


@pytest.fixture
def roots_home(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where root would keep what the server's account must reach; here it is cleaned away."""
    monkeypatch.setattr("worker.embedded.place.ROOTS_HOME", open_folder / "roots")
    return open_folder / "roots"


def is_running(server: Server) -> bool:
    return find_postmaster(server.home / "cluster") is not None


def answer(server: Server) -> object:
    with psycopg.connect(server.url(SUPERUSER)) as connection:
        row = connection.execute("select current_user").fetchone()
        return row and row[0]


def postmaster_pid(server: Server) -> int:
    found = find_postmaster(server.home / "cluster")
    assert found is not None
    return found.pid


@contextmanager
def other_process(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another Python that uses the server until its input ends."""
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from worker.embedded import THROW_AWAY, running
        with running(Path({str(data)!r}), options=THROW_AWAY):
            print("using", flush=True)
            sys.stdin.read()
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "using\n"
        yield process


def test_it_runs_while_it_is_used(data: Path) -> None:
    """The server answers inside the block, as supabase_admin, and is gone after it."""
    with running(data, options=THROW_AWAY) as server:
        assert answer(server) == SUPERUSER
    assert not is_running(server)


def test_what_was_written_is_there_the_next_time(data: Path) -> None:
    """Stopping the server keeps its data."""
    with running(data) as server, psycopg.connect(server.url(SUPERUSER)) as connection:
        connection.execute("create table kept as select 7 as number")
    with running(data) as server, psycopg.connect(server.url(SUPERUSER)) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_the_first_to_leave_stops_nothing(data: Path) -> None:
    """The process that started the server may end: the others go on, the last one stops it."""
    with other_process(data) as starter, running(data) as server:
        starter.communicate()
        assert answer(server) == SUPERUSER
    assert not is_running(server)


def test_a_killed_starter_leaves_a_server_that_is_joined(data: Path) -> None:
    """Whoever comes after a SIGKILL joins the server that still runs, and stops it in the end."""
    with other_process(data) as starter:
        starter.kill()
    with running(data) as server:
        assert answer(server) == SUPERUSER
    assert not is_running(server)


def test_a_killed_server_is_started_again(data: Path) -> None:
    """What a killed postmaster leaves behind does not prevent the next start."""
    with running(data) as server:
        os.kill(postmaster_pid(server), signal.SIGKILL)
    with running(data) as server:
        assert answer(server) == SUPERUSER


def test_a_number_that_now_belongs_to_another_program_is_no_server(data: Path) -> None:
    """After a reboot the recorded process id may be anybody's: it is not waited for."""
    with running(data) as server:
        cluster = server.home / "cluster"
        left_behind = (cluster / "postmaster.pid").read_text().splitlines()
    (cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left_behind[1:]]))
    with running(data) as server:
        assert answer(server) == SUPERUSER


def test_a_start_that_was_cut_short_is_made_again(open_folder: Path) -> None:
    """A half-made data folder is never taken for a whole one."""
    unfinished = open_folder / "cut" / "cluster.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with running(open_folder / "cut", options=THROW_AWAY, keep=False) as server:
        assert answer(server) == SUPERUSER
    assert not (server.home / "cluster").exists()


def test_only_its_own_account_can_enter_the_socket(data: Path) -> None:
    """Local connections need no password, so nobody else may reach the socket."""
    with running(data) as server:
        found = server.socket.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == server_account().uid


def test_over_tcp_a_password_is_needed(data: Path) -> None:
    """Other users of the machine reach the port, and get no further."""
    with running(data, tcp=True) as server:
        url = server.tcp_url(SUPERUSER)
        psycopg.connect(url).close()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace(server.password, "guess"))


@pytest.mark.usefixtures("roots_home")
def test_a_long_path_does_not_prevent_the_socket(open_folder: Path) -> None:
    """The kernel allows some 100 bytes for a socket's path; the data may lie deeper."""
    deep = open_folder / ("deep" * 20)
    with running(deep, options=THROW_AWAY, keep=False) as server:
        assert answer(server) == SUPERUSER


def test_a_refused_setting_is_shown(data: Path) -> None:
    """When the server does not start, the message carries what its log says."""
    with (
        pytest.raises(EmbeddedPostgresError, match=r"invalid value.*shared_buffers"),
        running(data, options={"shared_buffers": "plenty"}),
    ):
        pass


def test_data_of_another_version_is_refused(open_folder: Path) -> None:
    """A folder that another major version made is left alone, and the message says so."""
    cluster = open_folder / "old" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 9.*another folder"),
        running(open_folder / "old"),
    ):
        pass


def test_a_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    """A wrong folder of programs is named, with what it lacks."""
    with (
        pytest.raises(EmbeddedPostgresError, match="initdb, pg_ctl, postgres"),
        running(tmp_path / "data", binaries=tmp_path),
    ):
        pass


def test_without_any_postgres_the_message_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A production install has no Postgres: the message names the extra, and DATABASE_URL."""
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "USUAL_PLACES", ())
    monkeypatch.setenv("PATH", "")
    binaries.installed_binaries.cache_clear()
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"meshqueue\[local\].*DATABASE_URL"):
            binaries.default_binaries()
    finally:
        binaries.installed_binaries.cache_clear()


@as_root
def test_root_widens_no_folder_of_others(open_folder: Path, roots_home: Path) -> None:
    """What lies below a closed folder is kept elsewhere; the folder stays closed and empty."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with running(closed / "data", options=THROW_AWAY, keep=False) as server:
        assert answer(server) == SUPERUSER
        assert server.home.is_relative_to(roots_home)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []


@as_root
@pytest.mark.usefixtures("roots_home")
def test_root_copies_programs_that_the_server_cannot_reach(open_folder: Path) -> None:
    """Programs in a closed venv are copied once, whole, and run from there."""
    original = binaries.default_binaries()
    closed = open_folder / "venv"
    place._copy_programs(original.folder.parent, closed)  # noqa: SLF001 - the same whole copy
    closed.chmod(0o700)
    programs = next(closed.glob("*/*/bin"))
    with running(open_folder / "copied", binaries=programs, options=THROW_AWAY) as server:
        assert answer(server) == SUPERUSER
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
