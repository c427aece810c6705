"""What a plain Postgres needs to stand in for a Supabase project, in local runs and tests.

A real project is recognised and never touched. What we made carries our mark, the comment on
schema auth, with the checksum of the files; when those change it is applied again.
"""

from enum import Enum
from hashlib import sha256
from pathlib import Path

from psycopg.rows import scalar_row
from psycopg.sql import SQL, Literal

from worker.schema.connection import Connection, connected
from worker.schema.errors import PlatformError
from worker.schema.sources import sql_folder
from worker.schema.sqlfile import SqlFile, read_sql

QUERIES = Path(__file__).parent / "queries"
MARK = "stands in for Supabase; made by meshqueue"


class Platform(Enum):
    SUPABASE = "a Supabase project"
    OURS = "made by us"
    MISSING = "a plain Postgres"
    FOREIGN = "a schema auth that is neither"


def ensure_platform(superuser_url: str, *, auto_expose: bool = False) -> bool:
    """Answer whether anything had to be applied.

    A database made from a template takes everything along but its owner: create it with
    `owner postgres`. `auto_expose` gives the default grants of older projects.
    """
    with connected(superuser_url) as connection:
        return ensure_platform_on(connection, auto_expose=auto_expose)


def ensure_platform_on(connection: Connection, *, auto_expose: bool = False) -> bool:
    files = platform_files(auto_expose=auto_expose)
    match read_platform(connection):
        case Platform.SUPABASE:
            return False
        case Platform.FOREIGN:
            raise foreign_auth()
        case Platform.OURS if is_current(connection, files) or not is_superuser(connection):
            return False
        case Platform.MISSING if not is_superuser(connection):
            raise plain_without_superuser(connection)
    return apply_platform(connection, files)


def platform_files(*, auto_expose: bool) -> list[SqlFile]:
    folder = sql_folder() / "platform"
    always = sorted(folder.glob("[0-9]_*.sql"))
    return [read_sql(file, folder) for file in always + [folder / "auto_expose.sql"] * auto_expose]


def apply_platform(connection: Connection, files: list[SqlFile]) -> bool:
    """Roles belong to the cluster, an advisory lock to one database: so we lock the roles."""
    with connection.transaction():
        connection.execute("set local lock_timeout = '60s'; set local statement_timeout = '2min'")
        connection.execute("set local client_min_messages = warning")
        connection.execute("lock table pg_catalog.pg_authid in share row exclusive mode")
        for file in files:
            connection.execute(file.text.encode())
        connection.execute(SQL("comment on schema auth is {}").format(Literal(mark(files))))
    return True


def mark(files: list[SqlFile]) -> str:
    return f"{MARK} ({sha256(''.join(f.text for f in files).encode()).hexdigest()[:12]})"


def is_current(connection: Connection, files: list[SqlFile]) -> bool:
    return ask(connection, b"select obj_description(to_regnamespace('auth'))") == mark(files)


def is_superuser(connection: Connection) -> bool:
    return bool(ask(connection, b"select rolsuper from pg_roles where rolname = session_user"))


def read_platform(connection: Connection) -> Platform:
    return Platform[str(ask(connection, (QUERIES / "platform.sql").read_bytes()))]


def ask(connection: Connection, query: bytes) -> object:
    with connection.cursor(row_factory=scalar_row) as cursor:
        answer: object = cursor.execute(query).fetchone()
        return answer


def foreign_auth() -> PlatformError:
    return PlatformError(
        "The database has a schema auth, but is no Supabase project: the table auth.users or one"
        " of the roles anon, authenticated, service_role, authenticator is missing.",
        "Use a Supabase project, or an empty database.",
    )


def plain_without_superuser(connection: Connection) -> PlatformError:
    return PlatformError(
        f"The database {connection.info.dbname} is a plain Postgres, no Supabase project, and"
        f" {connection.info.user} is no superuser, so it can't be made to look like one.",
        "Set DATABASE_URL to a Supabase project. For a local Postgres, use a superuser once,"
        " or `--local`.",
    )
