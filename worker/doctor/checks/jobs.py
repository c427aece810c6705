"""Whether work goes on: overdue jobs, stages that nobody takes, users without credits."""

from datetime import timedelta

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, counted, failing, ok, warning

TOO_LONG = timedelta(minutes=2)  # upkeep looks every 10 s, and /readyz complains after this


async def overdue(examined: Examined, late: timedelta = TOO_LONG) -> Finding:
    row = await examined.database.row("overdue", late)
    if not row["jobs"]:
        return ok("none is past its deadline")
    late_jobs = counted(row["jobs"], "job")
    return failing(
        f"{late_jobs} past the deadline; job {row['first']} for {row['minutes']} minutes",
        "Workers end them, and pg_cron where it is enabled; neither did. Start a worker; if one"
        " runs, look for `expiry_failed` in meshqueue.incidents.",
    )


async def stuck(examined: Examined, late: timedelta = TOO_LONG) -> Finding:
    rows = await examined.database.rows("stuck", late)
    if not rows:
        return ok("every stage that may go on does")
    told = "; ".join(
        f"{row['runs']} {row['state']} of {row['provider'].title()} for {row['minutes']} minutes"
        for row in rows
    )
    return failing(
        f"{told}, the first of job {rows[0]['job']}",
        "Workers are down, or busy beyond their number: look at their log, or start another.",
    )


async def credits_granted(examined: Examined) -> Finding:
    row = await examined.database.row("credits")
    if not row["enabled"]:
        return ok("credits are switched off: jobs cost nothing")
    if row["granted"] or row["at_sign_up"]:
        return ok(f"granted to {counted(row['granted'], 'user')}")
    if examined.local:
        return ok("`make` and `demo` grant their own")
    return warning(
        "nobody was ever granted any, and every job costs some: all are refused (402)",
        "`meshqueue credits grant EMAIL 1000 --reason welcome`, or set signup_credits, or"
        " credits_enabled false.",
    )


CHECKS = (
    Check("work", "deadlines", overdue, needs=("migrations",)),
    Check("work", "stages", stuck, needs=("migrations",)),
    Check("work", "credits", credits_granted, needs=("migrations",)),
)
