"""What a connection to the database can do, and what others do there."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from worker.database.connection import CONNECTION_BUDGET
from worker.doctor.check import Check
from worker.doctor.checks.reach import Kind, kind_of
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, counted, failing, ok, warning
from worker.doctor.link import connected
from worker.doctor.patience import A_NOTIFICATION

POOL_SIZE = 15  # of Supabase's pooler, unless it was changed; no SQL shows it
MIGRATE = 1
TEN_MINUTES = timedelta(minutes=10)
OFF, FAR_OFF = timedelta(seconds=5), timedelta(seconds=60)


async def hears(examined: Examined) -> Finding:
    """From one connection to another, as the workers use it."""
    channel = f"meshqueue_doctor_{uuid4().hex}"
    async with await connected(examined.url, "doctor listener") as listener:
        await listener.execute(SQL("listen {}").format(Identifier(channel)))
        began = asyncio.get_running_loop().time()
        await examined.database.ask("select from pg_notify(%s, 'heard')", channel)
        async for _ in listener.notifies(timeout=A_NOTIFICATION, stop_after=1):
            took = asyncio.get_running_loop().time() - began
            return ok(f"heard after {1000 * took:.0f} ms")
    return failing(
        "what NOTIFY sends never arrives: workers would find their work only every 5 s",
        "Use the session pooler or the direct connection; a transaction pooler passes nothing on.",
    )


async def budget(examined: Examined) -> Finding:
    row = await examined.database.row("connections")
    workers = int(row["workers"])
    needed = workers * CONNECTION_BUDGET
    deploying = (workers + 1) * CONNECTION_BUDGET + MIGRATE
    room, of_what = room_for(kind_of(examined), row)
    told = f"{counted(workers, 'worker')} may take {needed}, {deploying} during a deploy; {of_what}"
    advice = "Run fewer workers, give other programs less, or raise the limit (Settings, Database)."
    if needed > room:
        return failing(told, advice)
    return warning(told, advice) if deploying > room else ok(told)


def room_for(kind: Kind, row: DictRow, pool_size: int = POOL_SIZE) -> tuple[int, str]:
    if kind is Kind.SESSION:
        return pool_size, f"the pooler has {pool_size} unless its size was changed"
    room = int(row["limit"]) - int(row["others"])
    return room, f"{row['limit']} are allowed, others hold {row['others']}"


async def clock(examined: Examined) -> Finding:
    """A deadline is written by the database and read by workers."""
    before = examined.clock()
    (row,) = await examined.database.ask("select clock_timestamp() as now")
    after = examined.clock()
    return compared(before + (after - before) / 2 - row["now"], "the database's")


def compared(ahead: timedelta, whose: str) -> Finding:
    apart = abs(ahead)
    what = (
        f"{apart.total_seconds():.1f} s {'ahead of' if ahead > timedelta() else 'behind'} {whose}"
    )
    advice = "Set this machine's clock by NTP: signatures of webhooks and searches for lost tasks"
    if apart > FAR_OFF:
        return failing(what, f"{advice} fail.")
    return warning(what, f"{advice} fail from a minute on.") if apart > OFF else ok(what)


async def old_transactions(examined: Examined, age: timedelta = TEN_MINUTES) -> Finding:
    """An old snapshot keeps dead rows: every queue slows down, thirteenfold after 20,000 jobs."""
    rows = await examined.database.rows("old_transactions", age)
    if not rows:
        return ok(f"none is older than {age.total_seconds() / 60:g} minutes")
    first = rows[0]
    return warning(
        f"{len(rows)} older than {age.total_seconds() / 60:g} minutes: {first['who']}, open for"
        f" {first['minutes']} minutes",
        f"Queues slow down while it lasts. Let it end, or: {first['remedy']}",
    )


CHECKS = (
    Check("database", "LISTEN", hears, needs=("connection",)),
    Check("database", "clock", clock, needs=("connection",)),
    Check("database", "transactions", old_transactions, needs=("connection",)),
    Check("database", "connections", budget, needs=("migrations",)),
)
