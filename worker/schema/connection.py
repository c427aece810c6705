"""A connection for migrating: autocommit, so that every transaction is one we begin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from worker.schema.errors import ApplyError

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 15


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="meshqueue migrate",
        )
    except psycopg.Error as error:
        raise ApplyError(
            f"The database does not answer: {error}", "Check DATABASE_URL and whether it runs."
        ) from error
    with connection:
        yield connection


def become_postgres(connection: Connection) -> None:
    """A superuser would own everything, and mistakes in definer functions would stay invisible."""
    connection.execute(
        "select set_config('role', 'postgres', false) from pg_roles me, pg_roles owner"
        " where me.rolname = session_user and me.rolsuper and owner.rolname = 'postgres'"
    )
