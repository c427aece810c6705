"""The diagrams of sql/README.md, against the table and against what runs really do."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.test_state_machine import Everybody
from tests.docs.pages import in_language
from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import new_worker, rich_user

pytestmark = pytest.mark.newest_postgres

ARROW = re.compile(r"^ *([A-Za-z]\w*) --> (\w+)", re.MULTILINE)
PLAYS = range(3)
PLAY = settings(
    max_examples=10,
    stateful_step_count=80,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

WATCH = """
    create table public.steps_seen (before text, after text, primary key (before, after));
    create function public.see_step() returns trigger language plpgsql security definer as $$
    begin
      insert into public.steps_seen values (old.state, new.state) on conflict do nothing;
      return null;
    end $$;
    create trigger see_step after update of state on meshqueue.runs
      for each row when (old.state <> new.state) execute function public.see_step();
"""


def arrows(first: str) -> set[tuple[str, str]]:
    """Of the diagram that begins with this state."""
    (diagram,) = (
        block.text for block in in_language("mermaid") if f"[*] --> {first}\n" in block.text
    )
    return set(ARROW.findall(diagram))


def test_a_jobs_ways(db: Database) -> None:
    """The diagram has the arrows of the table that the trigger enforces, and no other."""
    rows = db.admin.rows("select from_status, to_status from meshqueue.transitions")
    assert arrows("QUEUED") == {(row["from_status"], row["to_status"]) for row in rows}


def test_a_runs_states(db: Database) -> None:
    """Every state is in the diagram."""
    states = db.admin.values("select unnest(enum_range(null::meshqueue.run_state))::text")
    assert {state for arrow in arrows("ready") for state in arrow} == set(states)


@pytest.mark.timeout(300)
def test_a_runs_ways(db: Database) -> None:
    """Whatever everybody does, runs go the ways of the diagram, and each of them is gone."""
    superuser = db.superuser()
    superuser.execute(WATCH)
    db.admin.connection.prepare_threshold = 0

    class Here(Everybody):
        def __init__(self) -> None:
            super().__init__(db, superuser)

    go_the_rare_ways(db)
    for number in PLAYS:
        run_state_machine_as_test(seed(number)(Here), settings=PLAY)
    seen = superuser.rows("select before, after from public.steps_seen")
    assert {(row["before"], row["after"]) for row in seen} == arrows("ready")


def go_the_rare_ways(db: Database) -> None:
    """Time passes for a run that waits; a task turns up for a request that was refused."""
    user, worker = rich_user(db), new_worker(db)
    waiting, failing, canceled = (
        worker.begin(jobs.create(db, user)["id"], "PREVIEW") for _ in range(3)
    )
    worker.wait(waiting, retry_at=datetime.now(UTC) - timedelta(seconds=1))
    worker.begin(waiting["job_id"], "PREVIEW")
    for run in (failing, canceled):
        worker.refused(run, worker.submitting(run)["n"])
    worker.fail(failing)
    jobs.cancel(db, user, canceled["job_id"])
    for run in (failing, canceled):
        worker.submitted(run, 1, f"late task of {run['run']}")
