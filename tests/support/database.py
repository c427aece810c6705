"""A fresh database for each test, and every role that can stand in front of it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.support.servers import Postgres
from tests.support.session import Session, open_session
from tests.support.template import administrator, ensure_template

PREFIX = "test_"
NUMBERS = count(1)
BLOCKED_TIMEOUT = 60.0

# PostgREST gives a request the settings of the role that it runs as.
SETTINGS_OF_ROLE = """
    select set_config(split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1), true)
    from pg_roles, unnest(rolconfig) as setting where rolname = %s
"""
BECOME = "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)"


class Database:
    def __init__(self, server: Postgres, name: str) -> None:
        self.server = server
        self.name = name
        self._sessions = ExitStack()
        self._authenticators: list[Session] = []

    def url(self, role: str = "postgres") -> str:
        return self.server.url(role, self.name)

    def connect(self, role: str = "postgres") -> Session:
        """A session of its own, autocommit, closed when the test ends."""
        session = open_session(self.url(role))
        self._sessions.callback(session.connection.close)
        return session

    def postgres(self) -> Session:
        return self.connect("postgres")

    @cached_property
    def admin(self) -> Session:
        """The one session in which a test arranges and looks, as postgres."""
        return self.postgres()

    def superuser(self) -> Session:
        return self.connect(self.server.superuser)

    @contextmanager
    def user(self, user_id: UUID, **claims: Any) -> Iterator[Session]:
        """One request of a signed-in user: a transaction, as PostgREST makes it."""
        with self.request("authenticated", sub=str(user_id), **claims) as session:
            yield session

    @contextmanager
    def anon(self) -> Iterator[Session]:
        with self.request("anon") as session:
            yield session

    @contextmanager
    def service(self) -> Iterator[Session]:
        with self.request("service_role") as session:
            yield session

    @contextmanager
    def request(self, role: str, **claims: Any) -> Iterator[Session]:
        session = self._authenticators.pop() if self._authenticators else self._authenticator()
        try:
            with session.connection.transaction():
                session.execute(SETTINGS_OF_ROLE, role)
                session.execute(BECOME, role, json.dumps({"role": role, **claims}))
                yield session
        finally:
            self._authenticators.append(session)

    def new_user(self, *, anonymous: bool = False) -> UUID:
        user_id = uuid4()
        query = "insert into auth.users (id, email, is_anonymous) values (%s, %s, %s)"
        email = None if anonymous else f"{user_id}@example.com"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(query, [user_id, email, anonymous])
        return user_id

    def wait_until_blocked(self, session: Session) -> None:
        """Return once this session waits for a lock that another one holds."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            give_up = time.monotonic() + BLOCKED_TIMEOUT
            query = "select cardinality(pg_blocking_pids(%s)) > 0"
            while connection.execute(query, [session.pid]).fetchone() != (True,):
                assert time.monotonic() < give_up, "the session is not blocked"

    def close(self) -> None:
        self._sessions.close()

    def _authenticator(self) -> Session:
        return self.connect("authenticator")


@pytest.fixture(scope="session")
def template(server: Postgres) -> str:
    return ensure_template(server)


@pytest.fixture
def db(server: Postgres, template: str) -> Iterator[Database]:
    """A database with everything applied."""
    with fresh_database(server, template) as database:
        yield database


@pytest.fixture
def blank_db(server: Postgres) -> Iterator[Database]:
    """A database with nothing in it; only the superuser is sure to exist."""
    with fresh_database(server, "template0") as database:
        yield database


@contextmanager
def fresh_database(server: Postgres, template: str) -> Iterator[Database]:
    database = Database(server, f"{PREFIX}{os.getpid()}_{next(NUMBERS)}")
    _create(server, database.name, template)
    try:
        yield database
    finally:
        database.close()
        _drop(server, database.name)


def _create(server: Postgres, name: str, template: str) -> None:
    with administrator(server) as admin:
        admin.execute(
            SQL("create database {} template {}").format(Identifier(name), Identifier(template))
        )
        if template != "template0":
            admin.execute(SQL("alter database {} owner to postgres").format(Identifier(name)))


def _drop(server: Postgres, name: str) -> None:
    with administrator(server) as admin:
        admin.execute(SQL("drop database {} with (force)").format(Identifier(name)))
