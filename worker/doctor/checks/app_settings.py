"""Rows of public.app_settings: those without effect, those that can't be read, those that stop."""

from difflib import get_close_matches

import psycopg

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, warning

OLD = ("meshy_dispatch_url", "tripo_dispatch_url", "meshy_internal_key")
ALIKE = 0.8


async def effective(examined: Examined) -> Finding:
    rows = await examined.database.rows("app_settings")
    known = sorted(row["key"] for row in rows if row["rule"])
    given = [row["key"] for row in rows if row["given"]]
    told = [told_of(key, known) for key in given if key not in known]
    if not told:
        return ok(f"{len(given)}, all with effect")
    keys = ", ".join(f"'{key}'" for key in given if key not in known)
    statement = f"delete from public.app_settings where key in ({keys})"  # noqa: S608 - only shown
    return warning(f"without effect: {'; '.join(told)}", f"Correct the key, or `{statement}`.")


def told_of(key: str, known: list[str]) -> str:
    if key in OLD:
        return f"{key} (of an older set-up)"
    alike = get_close_matches(key, known, 1, ALIKE)
    return f"{key} (is {alike[0]} meant?)" if alike else key


async def readable(examined: Examined) -> Finding:
    """A trigger refuses wrong values; it may have been off when one was written."""
    try:
        await examined.database.ask(
            "select meshqueue.check_setting(key, value) from public.app_settings"
        )
    except psycopg.DatabaseError as error:
        what = error.diag.message_primary or str(error)
        return failing(what, f"Correct the value of {error.diag.message_detail or 'that key'}.")
    stale = [row["key"] for row in await examined.database.rows("settings_not_in_force")]
    if stale:
        return failing(
            f"not in force, though written: {', '.join(stale)}",
            "A trigger was off when they were changed. `select meshqueue.refresh_settings()`.",
        )
    return ok("all in force")


async def stopped(examined: Examined) -> Finding:
    rows = await examined.database.rows("settings_that_stop")
    if not rows:
        return ok("none stands at 0")
    named = ", ".join(f"{row['key']} is {row['value']}" for row in rows)
    return warning(named, "That stops it for everybody. If it is not meant, raise the value.")


CHECKS = (
    Check("settings", "app_settings", effective, needs=("migrations",)),
    Check("settings", "values", readable, needs=("migrations",)),
    Check("settings", "limits", stopped, needs=("migrations",)),
)
