"""What a delivery waits for in production, shortened: the order of events stays."""

from importlib import import_module

import pytest

from worker import queue
from worker.daemon import daemon
from worker.pipeline import hands, upkeep
from worker.pipeline.delivery import bringing, haul, keeping, links

# The package shows the function under this name.
deliver = import_module("worker.pipeline.delivery.deliver")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "POLL_EVERY", 0.3)
    monkeypatch.setattr(daemon, "HEARTBEAT_EVERY", 0.5)
    monkeypatch.setattr(hands, "AFTER_A_FAULT", 0.3)
    monkeypatch.setattr(upkeep, "RESCUE_EVERY", 0.5)
    monkeypatch.setattr(upkeep, "GIVE_BACK_EVERY", 0.5)
    monkeypatch.setattr(bringing, "PAUSES", (0.0, 0.05, 0.1))
    monkeypatch.setattr(haul, "AGAIN_AFTER", 0.3)
    monkeypatch.setattr(links, "ASK_AGAIN_AFTER", 0.3)
    monkeypatch.setattr(links, "NOT_FOUND_TWICE_WITHIN", 0.2)
    monkeypatch.setattr(deliver, "LONGEST", 0.5)
    monkeypatch.setattr(keeping, "REMOVING", 0.3)
    monkeypatch.setattr(keeping, "UNREACHABLE", 0.3)
