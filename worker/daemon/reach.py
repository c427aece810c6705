"""Whether the database can be reached at all, and what to do when not."""

import re
import socket
import time

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict

from worker.database.connection import connect_options
from worker.errors import SettingsError, UnreachableError

POOLER = (
    "postgresql://postgres.<project>:<password>@aws-0-<region>.pooler.supabase.com:5432/postgres"
)
AWAY = re.compile(
    r"connection refused|timeout|timed out|starting up|shutting down|recovery mode"
    r"|closed the connection|reset by peer|too many|connection slots|max clients|temporary failure",
    re.IGNORECASE,
)
READ_ONLY = ("default_transaction_read_only", "in_hot_standby")
TRY_EVERY = 5.0  # s

log = structlog.get_logger()


def require_reachable(url: str) -> None:
    try:
        with psycopg.connect(url, **connect_options("start")) as connection:
            require_migrated(connection)
    except psycopg.OperationalError as error:
        raise UnreachableError(explain(url, str(error).strip())) from None


def wait_until_reachable(url: str) -> None:
    """While the database is away: a host that starts a worker ten times in vain leaves it at that.

    What no waiting mends is refused.
    """
    while True:
        try:
            return require_reachable(url)
        except UnreachableError as error:
            if not is_away(url, str(error)):
                raise
            log.warning("database_away", action="database_away", why=f"{error} It is tried again.")
        time.sleep(TRY_EVERY)


def is_away(url: str, error: str) -> bool:
    return AWAY.search(error) is not None and not is_ipv6_only(host_of(url))


def answers(url: str) -> bool:
    """Whether somebody who comes anew is let in, and may write: as far as the greeting tells."""
    try:
        with psycopg.connect(url, **connect_options("watchdog")) as connection:
            told = map(connection.info.parameter_status, READ_ONLY)
            return "on" not in told
    except psycopg.Error:
        return False


def require_migrated(connection: psycopg.Connection) -> None:
    found = connection.execute("select to_regprocedure('meshqueue.health()')").fetchone()
    if found is None or found[0] is None:
        raise SettingsError(
            "DATABASE_URL leads to a database without meshqueue, or with an older one. "
            "Run `meshqueue migrate` first."
        )


def explain(url: str, error: str) -> str:
    host = host_of(url)
    error = " ".join(error.split())
    if is_ipv6_only(host):
        return (
            f"DATABASE_URL: {host} has only an IPv6 address, and this machine can't reach it "
            f"({error}). Use the session pooler instead: {POOLER}"
        )
    return f"DATABASE_URL: {host} can't be reached ({error})."


def host_of(url: str) -> str:
    return str(conninfo_to_dict(url).get("host") or "localhost")


def is_ipv6_only(host: str) -> bool:
    try:
        found = {entry[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return found == {socket.AF_INET6}
