"""On which Postgres the tests run: each test that needs one runs on every version found."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.cache import servers_folder
from worker.embedded import (
    SUPERUSER,
    THROW_AWAY,
    Binaries,
    Server,
    default_binaries,
    installed_binaries,
    running,
)

GIVEN = os.environ.get("TEST_DATABASE_URL", "")
CONNECT_TIMEOUT = 30


@dataclass(frozen=True)
class Postgres:
    """A server that the tests may do anything to."""

    name: str
    superuser: str
    _embedded: Server | None = None

    def url(self, user: str, database: str = "postgres") -> str:
        if self._embedded is not None:
            return self._embedded.url(user, database)
        return make_conninfo(GIVEN, user=user, dbname=database)

    @property
    def password(self) -> str:
        given = {} if self._embedded else conninfo_to_dict(GIVEN)
        return str(given.get("password", ""))


class Servers:
    """Starts each server once a process; processes join the one that already runs."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._started: dict[str, Postgres] = {}

    def start(self, name: str) -> Postgres:
        if name not in self._started:
            self._started[name] = _given() if GIVEN else self._embedded(name)
        return self._started[name]

    def _embedded(self, name: str) -> Postgres:
        folder = servers_folder() / name
        binaries = _by_name()[name].folder
        server = self._stack.enter_context(
            running(folder, binaries=binaries, options=THROW_AWAY, keep=False)
        )
        return Postgres(name, SUPERUSER, server)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, servers: Servers) -> Postgres:
    return servers.start(request.param)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        metavar="MAJOR",
        help="Run on this version only, for example 18. Default: the newest and the oldest found.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" not in metafunc.fixturenames:
        return
    names = server_names(metafunc.config.getoption("postgres"))
    if metafunc.definition.get_closest_marker("newest_postgres"):
        names = names[:1]
    metafunc.parametrize("server", names, indirect=True, scope="session")


def server_names(asked: str | None) -> list[str]:
    if GIVEN:
        return ["given"]
    found = list(_by_name())
    if not found:
        default_binaries()  # says what to install
    if asked is None:
        return list(dict.fromkeys([found[0], found[-1]]))
    if f"pg{asked}" not in found:
        raise pytest.UsageError(f"--postgres {asked}: found only {', '.join(found)}")
    return [f"pg{asked}"]


def _by_name() -> dict[str, Binaries]:
    newest_first = sorted(installed_binaries(), key=lambda found: -found.major)
    return {f"pg{found.major}": found for found in newest_first}


def _given() -> Postgres:
    with psycopg.connect(GIVEN, connect_timeout=CONNECT_TIMEOUT) as connection:
        if connection.info.parameter_status("is_superuser") != "on":
            raise pytest.UsageError(
                "TEST_DATABASE_URL must name a superuser of a throw-away server"
            )
        return Postgres("given", connection.info.user)
