"""Accounts, and whether everything adds up."""

from collections.abc import Mapping, Sequence
from typing import Any

from worker.cli._text.jobs import SHORT
from worker.cli._text.tables import Table, columns, named
from worker.cli._text.words import number, stamp, with_local
from worker.operating.accounts import Granted
from worker.operating.audit import Check

Json = Mapping[str, Any]


def account_parts(account: Json) -> tuple[Table | str, ...]:
    return account_text(account), "", ledger_table(account["ledger"])


def account_text(account: Json) -> str:
    open_jobs = [f"{job['id'][:SHORT]} ({job['credits_cost']})" for job in account["open_jobs"]]
    return named(
        (
            ("user", f"{account['email'] or 'no e-mail'} ({account['user_id']})"),
            ("balance", number(account["balance"])),
            ("reserved", number(account["reserved"])),
            ("available", number(account["available"])),
            ("granted", number(account["granted"])),
            ("spent", number(account["spent"])),
            ("open jobs", ", ".join(open_jobs)),
        )
    )


def ledger_table(ledger: Sequence[Json]) -> Table:
    rows = [
        (
            stamp(line["at"]),
            line["kind"],
            number(line["amount"]),
            number(line["hold"]),
            (line["job_id"] or "")[:SHORT],
            line["reference"] or "",
            line["reason"] or "",
        )
        for line in ledger
    ]
    names = columns("at", "kind", ">amount", ">hold", "job", "reference", "reason↵")
    return Table(names, rows, "ledger, the newest first")


def accounts_parts(accounts: Json) -> tuple[Table | str, ...]:
    rows = [
        (
            account["email"] or "",
            account["user_id"],
            number(account["balance"]),
            number(account["reserved"]),
            number(account["available"]),
        )
        for account in accounts["largest"]
    ]
    names = columns("user…", "id", ">balance", ">reserved", ">available")
    totals = (
        f"{number(accounts['accounts'])} accounts: balance {number(accounts['balance'])}, reserved "
        f"{number(accounts['reserved'])}; granted {number(accounts['granted'])} in all, spent "
        f"{number(accounts['spent'])}."
    )
    return Table(names, rows, if_empty="no accounts"), totals


def granted_text(granted: Granted) -> str:
    account = granted.account
    who = account["email"] or account["user_id"]
    now = f"balance {number(account['balance'])}, available {number(account['available'])}"
    if granted.added == granted.asked:
        return f"{who}: {granted.added:+,} credits; {now}."
    if granted.added == 0 and granted.asked > 0:
        return f"{who}: nothing, because this reference was granted before; {now}."
    if granted.added == 0:
        return f"{who}: nothing was available, or this reference was used before; {now}."
    return f"{who}: {granted.added:+,} credits, no more was available; {now}."


def audit_parts(checks: Sequence[Check], *, local: bool) -> tuple[Table | str, ...]:
    rows = [
        (
            "ok" if check.holds else "broken",
            check.name,
            f"{number(check.looked_at)} {check.subject}",
            number(check.broken) if check.broken else "",
            check.promise,
        )
        for check in checks
    ]
    table = Table(columns("", "check", "among", ">broken", "promise↵"), rows)
    faults = [check for check in checks if not check.holds]
    return table, *(with_local(fault_text(check), local=local) for check in faults), summary(checks)


def fault_text(check: Check) -> str:
    more = ", …" if check.broken > len(check.first) else ""
    return f"{check.name}: {', '.join(check.first)}{more}\n  what to do: {check.remedy}\n"


def summary(checks: Sequence[Check]) -> str:
    faults = sum(not check.holds for check in checks)
    if not faults:
        return f"All {len(checks)} promises hold."
    return f"{faults} of {len(checks)} promises are broken."
