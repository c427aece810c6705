"""A worker in a process of its own, which may be killed at any moment.

    python -m tests.soak.labourer '{"database": …, "providers": {…}, "storage": …, "port": …}'

It says who it is as soon as it works. Its log goes to standard error.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.soak.haste import PATIENCE, hurry
from worker.daemon.daemon import Daemon, Plan
from worker.daemon.loop import run_long
from worker.daemon.start import leave_by_signal
from worker.logs import set_up_logs
from worker.optimising.bounds import die_with
from worker.pipeline.held import Served
from worker.providers import open_provider
from worker.storage.folder import FolderStorage

GRACE = 5.0  # s, of a delivery when the worker is asked to leave


def served(name: str, given: dict[str, str]) -> Served:
    provider = open_provider(
        name, given["key"], address=given["url"], patience=PATIENCE, model=given["model"]
    )
    return Served(provider, f"{name} key")


def plan_of(given: dict[str, Any]) -> Plan:
    providers = given["providers"]
    return Plan(
        database_url=given["database"],
        served={name: served(name, each) for name, each in providers.items()},
        storage=FolderStorage(Path(given["storage"])),
        plain_http_hosts=frozenset(urlsplit(each["url"]).netloc for each in providers.values()),
        webhook_secrets={name: (each["secret"],) for name, each in providers.items()},
        deliveries_at_once=6,
        optimisers=1,
        port=given["port"],
        grace=GRACE,
    )


async def main(given: dict[str, Any]) -> int:
    daemon = Daemon(plan_of(given))
    leave_by_signal(daemon)
    working = asyncio.create_task(daemon.run())
    ready = asyncio.create_task(daemon.ready.wait())
    await asyncio.wait({working, ready}, return_when=asyncio.FIRST_COMPLETED)
    if daemon.ready.is_set():
        sys.stdout.write(f"{daemon.worker}\n")
        sys.stdout.flush()
    ready.cancel()
    return await working


if __name__ == "__main__":
    die_with(os.getppid())
    set_up_logs(level=logging.WARNING)
    hurry()
    sys.exit(run_long(main(json.loads(sys.argv[1]))))
