"""Jobs in a list; what became of a change."""

from worker.cli._text.tables import Table, columns
from worker.cli._text.words import age, number
from worker.operating.changing import Candidates, Change
from worker.operating.desk import Row

SHORT = 8  # digits of an id: enough to name it again


def job_table(jobs: list[Row], limit: int) -> tuple[Table | str, ...]:
    names = columns("id", "status", "stage", ">%", ">age", "provider", "error", "user…", "prompt…")
    table = Table(names, [job_cells(job) for job in jobs], if_empty="no such jobs")
    if len(jobs) < limit:
        return (table,)
    return table, f"The newest {limit}; there may be more: --limit."


def job_cells(job: Row) -> tuple[str, ...]:
    return (
        str(job["id"])[:SHORT],
        job["status"],
        job["stage"],
        str(job["progress"]),
        age(job["created_at"]),
        job["provider"].lower(),
        job["error_code"] or "",
        who(job),
        job["prompt"] or job["kind"],
    )


def who(row: Row) -> str:
    return row["email"] or str(row["user_id"])


def candidate_table(candidates: Candidates) -> Table:
    names = columns("id", "status", "error", "user", "missing stages", ">price", ">available")
    rows = [
        (
            str(job["id"])[:SHORT],
            job["status"],
            job["error_code"] or "",
            who(job),
            " ".join(job["missing"]),
            number(job["price"]),
            number(job["available"]),
        )
        for job in candidates.jobs
    ]
    return Table(names, rows, if_empty="no jobs to try again")


def change_line(change: Change, verb: str) -> str:
    if change.row is None:
        return f"{change.job} not {verb}: {change.refusal}"
    if change.row["id"] == change.job:
        return f"{change.job} {verb}: {change.row['status']}"
    price = number(change.row["credits_cost"])
    return f"{change.job} {verb} as {change.row['id']} ({price} credits)"
