"""Whether the database can be reached at all, and what to do when not."""

import socket

import psycopg
from psycopg.conninfo import conninfo_to_dict

from worker.database.connection import connect_options
from worker.errors import SettingsError, UnreachableError

POOLER = (
    "postgresql://postgres.<project>:<password>@aws-0-<region>.pooler.supabase.com:5432/postgres"
)


def require_reachable(url: str) -> None:
    try:
        with psycopg.connect(url, **connect_options("start")) as connection:
            require_migrated(connection)
    except psycopg.OperationalError as error:
        raise UnreachableError(explain(url, str(error).strip())) from None


def answers(url: str) -> bool:
    """Whether somebody who comes anew is let in."""
    try:
        psycopg.connect(url, **connect_options("watchdog")).close()
    except psycopg.Error:
        return False
    return True


def require_migrated(connection: psycopg.Connection) -> None:
    found = connection.execute("select to_regprocedure('meshqueue.health()')").fetchone()
    if found is None or found[0] is None:
        raise SettingsError(
            "DATABASE_URL leads to a database without meshqueue, or with an older one. "
            "Run `meshqueue migrate` first."
        )


def explain(url: str, error: str) -> str:
    host = str(conninfo_to_dict(url).get("host") or "localhost")
    error = " ".join(error.split())
    if is_ipv6_only(host):
        return (
            f"DATABASE_URL: {host} has only an IPv6 address, and this machine can't reach it "
            f"({error}). Use the session pooler instead: {POOLER}"
        )
    return f"DATABASE_URL: {host} can't be reached ({error})."


def is_ipv6_only(host: str) -> bool:
    try:
        found = {entry[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return found == {socket.AF_INET6}
