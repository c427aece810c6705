"""Everything that is waited for in production, shortened alike: the order of events stays."""

from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import daemon as support
from tests.support.database import Database
from worker import queue
from worker.daemon import daemon
from worker.database import engine, listener
from worker.pipeline import hands, progress, search, submission, upkeep, watching
from worker.pipeline.delivery import haul, links
from worker.providers import reconciliation
from worker.providers.patience import Patience

# The package shows the function under this name.
deliver = import_module("worker.pipeline.delivery.deliver")

SPEED = 400.0  # of the simulated providers
PATIENCE = Patience(
    answer=1,
    paid_answer=1,
    upload=1,
    stream_silence=1,
    reconnect_first=0.1,
    reconnect_most=0.5,
    poll_first=0.1,
    poll_most=0.2,
    poll_at_the_end=0.2,
    batch=0.1,
)
SQL = Path(__file__).with_name("haste.sql")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "PATIENCE", PATIENCE)
    monkeypatch.setattr(queue, "POLL_EVERY", 0.3)
    monkeypatch.setattr(engine, "ANSWER_TIMEOUT", 2.0)
    monkeypatch.setattr(listener, "PROBE_EVERY", 0.5)
    monkeypatch.setattr(listener, "PROBE_TIMEOUT", 0.5)
    monkeypatch.setattr(daemon, "HEARTBEAT_EVERY", 0.5)
    monkeypatch.setattr(reconciliation, "SETTLED_AFTER", timedelta(seconds=2))
    monkeypatch.setattr(search, "FIRST_LOOK_AFTER", 0.1)
    monkeypatch.setattr(search, "AGAIN_AFTER", 0.4)
    monkeypatch.setattr(watching, "NOT_FOUND_TWICE_WITHIN", 0.2)
    monkeypatch.setattr(hands, "AFTER_A_FAULT", 0.3)
    monkeypatch.setattr(progress, "ROLL_CALL_EVERY", 1.0)
    monkeypatch.setattr(haul, "AGAIN_AFTER", 0.3)
    monkeypatch.setattr(links, "ASK_AGAIN_AFTER", 0.3)
    monkeypatch.setattr(links, "NOT_FOUND_TWICE_WITHIN", 0.2)
    monkeypatch.setattr(deliver, "LONGEST", 0.5)
    monkeypatch.setattr(upkeep, "BALANCE_EVERY", 0.3)
    monkeypatch.setattr(upkeep, "RESCUE_EVERY", 1.0)
    monkeypatch.setattr(upkeep, "EXPIRE_EVERY", 0.5)
    monkeypatch.setattr(upkeep, "GIVE_BACK_EVERY", 0.5)
    monkeypatch.setattr(upkeep, "SWEEP_EVERY", 2.0)
    for kind in submission.WAITS:
        monkeypatch.setitem(submission.WAITS, kind, 0.3)


def shorten(db: Database) -> None:
    db.admin.execute(SQL.read_text())
