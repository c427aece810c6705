"""A worker in a process of its own, as `meshqueue run` starts it, for the benches.

    python -m tests.bench.labour '{"database": …, "meshy": …, "key": …, "storage": …}'

It says `ready`; after SIGTERM, the most memory that it ever had and its seconds of CPU.
"""

import asyncio
import json
import logging
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.bench.memory import peak_mib
from worker.daemon.daemon import Daemon, Plan
from worker.daemon.loop import run_long
from worker.logs import set_up_logs
from worker.pipeline.held import Served
from worker.providers import open_provider
from worker.providers.patience import PATIENCE
from worker.storage.folder import FolderStorage


def plan_of(given: dict[str, Any]) -> Plan:
    meshy = open_provider(
        "MESHY",
        given["key"],
        address=given["meshy"],
        patience=replace(PATIENCE, **given.get("patience", {})),
        model="meshy-6",
        requests_per_second=given["requests_per_second"],
    )
    return Plan(
        database_url=given["database"],
        served={"MESHY": Served(meshy, "MESHY key")},
        storage=FolderStorage(Path(given["storage"])),
        plain_http_hosts=frozenset({urlsplit(given["meshy"]).netloc}),
        webhook_secrets={"MESHY": ("a secret of the bench",)},
        port=given.get("port"),
        serve_http="port" in given,
    )


def say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main(given: dict[str, Any]) -> None:
    set_up_logs(level=logging.WARNING)
    daemon = Daemon(plan_of(given))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.stop)
    working = asyncio.create_task(daemon.run())
    await daemon.ready.wait()
    say(ready=True)
    await working
    used = resource.getrusage(resource.RUSAGE_SELF)
    say(peak_mib=peak_mib(), cpu_seconds=used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    run_long(main(json.loads(sys.argv[1])))
