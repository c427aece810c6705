"""Everything that `migrate` would run, as one SQL file for `supabase/migrations/`."""

import json
from collections.abc import Iterator
from pathlib import Path

from worker.schema.errors import SourceError
from worker.schema.functions import apply_functions, apply_functions_if_stale, changes
from worker.schema.patience import PATIENT
from worker.schema.pending import apply_migration
from worker.schema.queue import FIRST_BASELINE, create_queue, upgrade_queue_if_due
from worker.schema.sources import Sources, installed_sources
from worker.schema.step import Step, quoted
from worker.schema.turn import LOCK

QUERIES = Path(__file__).parent / "queries"


def bundle(since: int | None = None, *, sources: Sources | None = None) -> str:
    """`since` is the last migration that the database has; without it the database has none."""
    wanted = sources or installed_sources()
    if since is None:
        return render(wanted, "on a project without it", guard_empty(), first_steps(wanted))
    refuse_unknown_version(since, wanted)
    guard = guard_since(since, wanted)
    return render(wanted, f"after migration {since:04}", guard, later_steps(since, wanted))


def refuse_unknown_version(since: int, sources: Sources) -> None:
    if not 1 <= since <= sources.newest:
        raise SourceError(
            f"--since {since}: this release has the migrations 1 to {sources.newest}.",
            "Name the last one in the table meshqueue.migrations of the database.",
        )


def first_steps(sources: Sources) -> Iterator[Step]:
    bookkeeping, *others = sources.migrations
    yield apply_migration(bookkeeping, sources.release)
    yield create_queue(sources.queue, sources.release)
    yield from (apply_migration(migration, sources.release) for migration in others)
    yield apply_functions(changes(sources.functions, recorded={}, forget=()))


def later_steps(since: int, sources: Sources) -> Iterator[Step]:
    for migration in sources.queue.migrations:
        if migration.path > FIRST_BASELINE:
            yield upgrade_queue_if_due(migration, sources.queue, sources.release)
    for later in sources.migrations[since:]:
        yield apply_migration(later, sources.release)
    yield apply_functions_if_stale(sources.functions)


def guard_empty() -> str:
    return (QUERIES / "guard_empty.sql").read_text(encoding="utf-8")


def guard_since(since: int, sources: Sources) -> str:
    applied = {str(m.version): m.file.checksum for m in sources.migrations[:since]}
    guard = (QUERIES / "guard_since.sql").read_text(encoding="utf-8")
    expected = f"{quoted(json.dumps(applied))}::jsonb"
    return guard.replace(":expected", expected).replace(":since", f"{since:04}")


def render(sources: Sources, where: str, guard: str, steps: Iterator[Step]) -> str:
    return "\n".join(
        (
            f"-- meshqueue {sources.release}, {where}. Written by `meshqueue migrate --bundle`.",
            "-- One transaction: it is applied as a whole or not at all.",
            "begin;",
            PATIENT.settings.text,
            f"select pg_catalog.pg_advisory_xact_lock({LOCK});",
            guard,
            *(render_step(step) for step in steps),
            "commit;\n",
        )
    )


def render_step(step: Step) -> str:
    texts = (statement.text.rstrip() for statement in step.statements)
    return "\n".join((f"\n-- {step.label}", PATIENT.settings.text, *texts))
