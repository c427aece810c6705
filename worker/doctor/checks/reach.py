"""Whether the database can be reached, and by what kind of connection."""

from enum import StrEnum
from time import perf_counter

import psycopg
from psycopg.conninfo import conninfo_to_dict

from worker.daemon.reach import POOLER
from worker.doctor.check import Check
from worker.doctor.checks.unreachable import explained
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, warning
from worker.doctor.names import NoAddressError, families_of
from worker.doctor.patience import CONNECT
from worker.settings import TRANSACTION_POOLER_PORT

OLDEST, NEWEST_TESTED = 15, 18
POOLER_HOST = ".pooler.supabase.com"
HOSTED = ".supabase.co"


class Kind(StrEnum):
    LOCAL = "the Postgres in a folder"
    SOCKET = "a socket of this machine"
    DIRECT = "direct"
    SESSION = "session pooler"
    TRANSACTION = "transaction pooler"
    OTHER = "a Postgres outside Supabase"


def kind_of(examined: Examined) -> Kind:
    host, port = place_of(examined.url)
    if examined.local:
        return Kind.LOCAL
    if port == TRANSACTION_POOLER_PORT:
        return Kind.TRANSACTION
    if host.endswith(POOLER_HOST):
        return Kind.SESSION
    if host.endswith(HOSTED):
        return Kind.DIRECT
    return Kind.SOCKET if is_socket(host) else Kind.OTHER


def place_of(url: str) -> tuple[str, str]:
    parts = conninfo_to_dict(url)
    return str(parts.get("host") or ""), str(parts.get("port") or "5432")


def is_socket(host: str) -> bool:
    return not host or host.startswith(("/", "@"))


async def address(examined: Examined) -> Finding:
    if not examined.url:
        return failing(
            "DATABASE_URL is not set",
            f"Set it to the project's session pooler, {POOLER} (dashboard: Connect), or say"
            " --local to look at the Postgres in a folder.",
        )
    try:
        host, port = place_of(examined.url)
    except psycopg.ProgrammingError:
        return failing(
            "DATABASE_URL can't be read",
            "It should look like postgresql://user:password@host:5432/postgres, with special"
            " characters in the password percent-encoded.",
        )
    return ok("a socket of this machine" if is_socket(host) else f"{host}:{port}")


async def kind(examined: Examined) -> Finding:
    """Before connecting: through a transaction pooler what we set would reach other programs."""
    found = kind_of(examined)
    if found is Kind.TRANSACTION:
        return failing(
            "a transaction pooler: wake-ups and session locks don't pass through it",
            "Use the session pooler: the same host with port 5432. Or the direct connection:"
            " db.<project>.supabase.co:5432.",
        )
    return ok(found)


async def name(examined: Examined) -> Finding:
    host, _ = place_of(examined.url)
    if is_socket(host):
        return ok("none is needed")
    try:
        return ok(" and ".join(sorted(await families_of(host))))
    except NoAddressError as error:
        return failing(
            str(error),
            "Compare the host with the dashboard (Connect). A project that was paused or deleted"
            " has none; restore it there.",
        )


async def reachable(examined: Examined) -> Finding:
    host, _ = place_of(examined.url)
    began = perf_counter()
    try:
        await examined.database.open()
    except (TimeoutError, psycopg.Error) as error:
        why = str(error).strip() or f"timeout expired after {CONNECT} s"
        return explained(examined.url, why, only_ipv6=await only_ipv6(host))
    return ok(f"in {1000 * (perf_counter() - began):.0f} ms")


async def only_ipv6(host: str) -> bool:
    return not is_socket(host) and await families_of(host) == {"IPv6"}


async def version(examined: Examined) -> Finding:
    (row,) = await examined.database.ask(
        "select current_setting('server_version') as told,"
        " current_setting('server_version_num')::int / 10000 as major"
    )
    told = f"PostgreSQL {row['told']}"
    if row["major"] < OLDEST:
        return failing(told, f"meshqueue needs PostgreSQL {OLDEST} or newer: upgrade the project.")
    if row["major"] > NEWEST_TESTED:
        return warning(told, f"Tested up to {NEWEST_TESTED}: try it on a copy of the project.")
    return ok(told)


CHECKS = (
    Check("database", "address", address),
    Check("database", "kind of connection", kind, needs=("address",)),
    Check("database", "host name", name, needs=("kind of connection",)),
    Check("database", "connection", reachable, needs=("host name",)),
    Check("database", "server version", version, needs=("connection",)),
)
