"""A worker that is killed at the n-th step of what it does with its runs.

SIGKILL: no handler runs, no connection is closed, nothing is given back.
"""

import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.steps import Steps, count_runs, count_tasks
from tests.support.daemon import PATIENCE
from worker.daemon.daemon import Daemon, Plan
from worker.daemon.start import leave_by_signal
from worker.pipeline.held import Served
from worker.providers import open_provider
from worker.storage.folder import FolderStorage


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def served(name: str, given: dict[str, str]) -> Served:
    provider = open_provider(
        name, given["key"], address=given["url"], patience=PATIENCE, model=given["model"]
    )
    return Served(provider, f"{name} key")


def hosts_of(given: dict[str, Any]) -> frozenset[str]:
    return frozenset(urlsplit(each["url"]).netloc for each in given["providers"].values())


def plan_of(given: dict[str, Any]) -> Plan:
    return Plan(
        database_url=given["database"],
        served={name: served(name, each) for name, each in given["providers"].items()},
        storage=FolderStorage(Path(given["storage"])),
        plain_http_hosts=hosts_of(given),
        deliveries_at_once=1,
        serve_http=False,
    )


async def live(given: dict[str, Any]) -> int:
    steps = Steps(given["die_at"], die)
    count_tasks()
    daemon = Daemon(plan_of(given))
    count_runs(daemon, steps)
    leave_by_signal(daemon)
    await daemon.run()
    return steps.taken
