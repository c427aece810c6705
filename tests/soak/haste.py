"""Delays of upkeep, shortened as in the other tests of chaos: a minute's run then means something.

The order of events stays. The providers' clock is the real one: their lists are read back by time.
Only what they work takes a second instead of a minute.
"""

from dataclasses import replace
from functools import partial

import pytest

from tests.chaos import haste
from tests.support.database import Database
from tests.support.objects import come_due, lapse_claims
from worker.daemon import daemon
from worker.fetching import Fetcher
from worker.fetching.patience import Patience as FetchingPatience
from worker.pipeline import upkeep
from worker.providers.patience import Patience

# Three workers, Postgres, the providers and fifty users share two processors.
PATIENCE: Patience = replace(
    haste.PATIENCE, answer=2, paid_answer=2, upload=2, stream_silence=2, batch=0.3
)
FETCHING = FetchingPatience(stall=2)
LEASE = 4  # s; 30 in production

# When each run came into whose hands, or out of them. A rescue is known by it.
HANDOVERS = """
    create table meshqueue.handovers (
      run bigint, worker uuid, at timestamptz not null default clock_timestamp()
    );
    create index on meshqueue.handovers (run, at);
    create function meshqueue.note_handover() returns trigger language plpgsql as $$
    begin
      insert into meshqueue.handovers values (new.id, new.worker_id);
      return null;
    end
    $$;
    create trigger note_handover after update on meshqueue.runs
      for each row when (old.worker_id is distinct from new.worker_id)
      execute function meshqueue.note_handover();
"""
# What is looked after again when a wake-up was lost on its way: by whom it was taken nobody heard.
FORGOTTEN_SOONER = """
    do $$
    begin
      execute replace(
        pg_get_functiondef('meshqueue.forgotten_runs(integer)'::regprocedure), '30 seconds', '4 seconds');
    end
    $$
"""  # noqa: E501 - a statement


def hurry() -> None:
    """For the rest of this process's life."""
    patching = pytest.MonkeyPatch()
    haste.hurry(patching)
    patching.setattr(upkeep, "REMOVE_EVERY", 1.0)
    patching.setattr(daemon, "Fetcher", partial(Fetcher, patience=FETCHING))


def shorten(db: Database) -> None:
    haste.shorten(db)
    db.admin.execute(HANDOVERS)
    db.admin.execute(FORGOTTEN_SOONER)


def remove_at_once(db: Database) -> None:
    """Nobody uploads any more: what waits a quarter of an hour for that may go."""
    come_due(db)
    lapse_claims(db)
