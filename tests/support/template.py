"""A database with everything applied, copied for each test."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.support.cache import CHECKOUT, cache_folder
from tests.support.servers import CONNECT_TIMEOUT, Postgres
from worker.embedded.lock import exclusive
from worker.schema.migrate import migrate
from worker.schema.platform import Platform, read_platform

PREFIX = "applied_"
PROJECT = "postgres"  # the database that a Supabase project is
Administrator = psycopg.Connection[tuple[Any, ...]]


def ensure_template(server: Postgres) -> str:
    """Make it unless it stands; parallel processes make it once."""
    name = PREFIX + _fingerprint()
    with exclusive(cache_folder() / f"template-{server.name}.lock"), administrator(server) as admin:
        if not _stands(admin, name):
            _drop_outdated(admin)
            _make(admin, server, name)
    return name


def administrator(server: Postgres) -> Administrator:
    return psycopg.connect(
        server.url(server.superuser, "template1"), autocommit=True, connect_timeout=CONNECT_TIMEOUT
    )


def _stands(admin: Administrator, name: str) -> bool:
    query = "select from pg_database where datname = %s and datistemplate"
    return admin.execute(query, [name]).rowcount == 1


def _make(admin: Administrator, server: Postgres, name: str) -> None:
    database = Identifier(name)
    admin.execute(SQL("drop database if exists {}").format(database))
    _make_unmigrated(admin, server, name)
    migrate(server.url(server.superuser, name))
    _let_log_in(admin, server)
    admin.execute(SQL("alter database {} owner to postgres").format(database))
    # Nobody may be connected to a database that is copied.
    admin.execute(
        SQL("alter database {} with is_template true allow_connections false").format(database)
    )


def _make_unmigrated(admin: Administrator, server: Postgres, name: str) -> None:
    """A copy of the project where the server is Supabase's own, else an empty database."""
    create = SQL("create database {} template {}")
    if not _is_project(server):
        admin.execute(create.format(Identifier(name), Identifier("template0")))
        return
    with _nobody_in_project(admin):
        admin.execute(create.format(Identifier(name), Identifier(PROJECT)))


def _is_project(server: Postgres) -> bool:
    with psycopg.connect(server.url(server.superuser, PROJECT)) as connection:
        return read_platform(connection) is Platform.SUPABASE


@contextmanager
def _nobody_in_project(admin: Administrator) -> Iterator[None]:
    """Supabase's background workers sit in it, and then it can't be copied."""
    admin.execute("alter database postgres with allow_connections false")
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname='postgres'")
    try:
        yield
    finally:
        admin.execute("alter database postgres with allow_connections true")


def _let_log_in(admin: Administrator, server: Postgres) -> None:
    """A server that was given to us may ask for passwords; they are all the superuser's."""
    if server.password:
        for role in {"postgres", "authenticator"} - {server.superuser}:
            admin.execute(
                SQL("alter role {} login password {}").format(
                    Identifier(role), Literal(server.password)
                )
            )


def _drop_outdated(admin: Administrator) -> None:
    query = "select datname from pg_database where starts_with(datname, %s)"
    for (name,) in admin.execute(query, [PREFIX]).fetchall():
        database = Identifier(str(name))
        admin.execute(SQL("alter database {} is_template false").format(database))
        admin.execute(SQL("drop database {}").format(database))


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(str(file.relative_to(CHECKOUT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    everything = [*CHECKOUT.glob("sql/**/*.sql"), *CHECKOUT.glob("worker/schema/**/*")]
    lock = CHECKOUT / "requirements.txt"  # names procrastinate's version
    return sorted(file for file in [*everything, lock] if file.suffix in {".sql", ".py", ".txt"})
