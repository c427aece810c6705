"""A database with everything applied, copied for each test."""

import hashlib
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.support.cache import CHECKOUT, cache_folder
from tests.support.servers import CONNECT_TIMEOUT, Postgres
from worker.embedded.lock import exclusive
from worker.schema.migrate import migrate

PREFIX = "applied_"


def ensure_template(server: Postgres) -> str:
    """Make it unless it stands; parallel processes make it once."""
    name = PREFIX + _fingerprint()
    with exclusive(cache_folder() / f"template-{server.name}.lock"), administrator(server) as admin:
        if not _stands(admin, name):
            _drop_outdated(admin)
            _make(admin, server, name)
    return name


def administrator(server: Postgres) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        server.url(server.superuser), autocommit=True, connect_timeout=CONNECT_TIMEOUT
    )


def _stands(admin: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    query = "select from pg_database where datname = %s and datistemplate"
    return admin.execute(query, [name]).rowcount == 1


def _make(admin: psycopg.Connection[tuple[object, ...]], server: Postgres, name: str) -> None:
    database = Identifier(name)
    admin.execute(SQL("drop database if exists {}").format(database))
    admin.execute(SQL("create database {}").format(database))
    migrate(server.url(server.superuser, name))
    _let_log_in(admin, server)
    admin.execute(SQL("alter database {} owner to postgres").format(database))
    # Nobody may be connected to a database that is copied.
    admin.execute(
        SQL("alter database {} with is_template true allow_connections false").format(database)
    )


def _let_log_in(admin: psycopg.Connection[tuple[object, ...]], server: Postgres) -> None:
    """A server that was given to us may ask for passwords; they are all the superuser's."""
    if server.password:
        for role in {"postgres", "authenticator"} - {server.superuser}:
            admin.execute(
                SQL("alter role {} login password {}").format(
                    Identifier(role), Literal(server.password)
                )
            )


def _drop_outdated(admin: psycopg.Connection[tuple[object, ...]]) -> None:
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
