"""Whether anybody works."""

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, counted, failing, ok, warning


async def seen(examined: Examined) -> Finding:
    row = await examined.database.row("workers")
    if row["alive"]:
        return ok(f"{row['alive']} alive, seen {row['seconds']} s ago")
    if examined.local:
        return ok("none; `make`, `demo` and `run --local` bring their own")
    told = (
        "none has ever been seen"
        if row["seconds"] is None
        else f"last seen {ago(row['seconds'])} ago"
    )
    start = "Start one (`meshqueue run`), or look at its log where it should run."
    if row["open_jobs"]:
        return failing(f"{told}, and {counted(row['open_jobs'], 'job')} not over", start)
    return warning(told, start)


def ago(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


async def served(examined: Examined) -> Finding:
    rows = await examined.database.rows("unserved")
    if not rows:
        return ok("every provider that jobs wait for has a worker")
    told = ", ".join(f"{row['provider'].title()} ({counted(row['jobs'], 'job')})" for row in rows)
    keys = " and ".join(f"{row['provider']}_API_KEY" for row in rows)
    return failing(
        f"no living worker serves {told}", f"Give a worker {keys}, or cancel these jobs."
    )


async def keys_of_tasks(examined: Examined) -> Finding:
    rows = await examined.database.rows("keyless")
    if not rows:
        return ok("every task under way has a worker with the key that bought it")
    told = ", ".join(f"{row['provider'].title()} ({counted(row['jobs'], 'job')})" for row in rows)
    return warning(
        f"no living worker has the key that bought the tasks of {told}",
        "Another key may not see them: run a worker with the old one until these jobs are over."
        " Where the new key is of the same account, they may go on as they are.",
    )


CHECKS = (
    Check("work", "workers", seen, needs=("migrations",)),
    Check("work", "served", served, needs=("migrations",)),
    Check("work", "keys of tasks", keys_of_tasks, needs=("migrations", "served")),
)
