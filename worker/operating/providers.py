"""Providers: their slots, pauses and spending; and an operator's own pause.

An operator's pause holds for every key and until an operator ends it; one for want of money or for
a bad key belongs to that key and ends by itself. Under a pause nothing is bought, new jobs are
refused, waiting ones wait; a task that is under way is seen to its end.
"""

from psycopg.types.json import Jsonb

from worker.operating.desk import Connection, Row, rows

DAYS = 7
EVERY_KEY = "*"


def read_providers(connection: Connection, days: int = DAYS) -> list[Row]:
    return rows(connection, "providers", days=days)


def pause(connection: Connection, provider: str, note: str | None) -> bool:
    """False where an operator had paused it before."""
    detail = Jsonb({"note": note} if note else {})
    query = "select meshqueue.pause_provider(%s, %s, 'operator', %s) as done"
    return done(connection, query, provider, EVERY_KEY, detail)


def resume(connection: Connection, provider: str, *, every_key: bool = False) -> list[str]:
    """The keys whose pauses were lifted; without `every_key` only the operator's own."""
    query = "select meshqueue.resume_provider(%s, %s) as done"
    keys = paused_keys(connection, provider) if every_key else [EVERY_KEY]
    return [key for key in keys if done(connection, query, provider, key)]


def paused_keys(connection: Connection, provider: str) -> list[str]:
    query = "select fingerprint from meshqueue.pauses where provider = %s order by since"
    return [row["fingerprint"] for row in connection.execute(query, [provider])]


def done(connection: Connection, query: str, *values: object) -> bool:
    row = connection.execute(query.encode(), values).fetchone()
    return bool(row and row["done"])
