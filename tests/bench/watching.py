"""What it costs to watch 500 tasks at once, and how soon an end is seen."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

import httpx
from rich.console import Console

from worker.simulator import Fault, Rule, Simulator

TASKS = 500
UNLIMITED = 1_000_000
QUIET_SECONDS = 30.0
ENDS_APART = 0.02


class Watcher:
    """The process that watches; the simulator lives in this one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def say(self, **what: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard


def bench_watching(console: Console) -> None:
    for provider, resource in (("meshy", "text-to-3d"), ("tripo", "text-to-model")):
        with Simulator(seed=1) as simulator, watcher() as process:
            simulator.script(Rule(fault=Fault.STUCK_PENDING, times=None))
            side = simulator.meshy if provider == "meshy" else simulator.tripo
            names = create_tasks(simulator, provider)
            process.say(
                provider=provider.upper(),
                key=side.key,
                address=side.url,
                resource=resource,
                tasks=names,
            )
            measure(console, simulator, provider, names, process)


@contextmanager
def watcher() -> Iterator[Watcher]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.watcher"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Watcher(process)
        finally:
            process.kill()


def create_tasks(simulator: Simulator, provider: str) -> list[str]:
    simulator.meshy.account.requests_per_second = UNLIMITED
    simulator.meshy.account.queued_tasks = UNLIMITED
    pools = simulator.tripo.account.pools
    pools.update(dict.fromkeys(pools, UNLIMITED))
    simulator.meshy.account.credits = simulator.tripo.account.credits = UNLIMITED
    create = create_meshy if provider == "meshy" else create_tripo
    with httpx.Client(timeout=30, trust_env=False) as client:
        names = []
        for number in range(TASKS):
            names.append(create(client, simulator, number))
            if provider == "tripo" and number % 100 == 0:
                simulator.clock.advance(60)  # its rate is a minute's
    simulator.meshy.account.requests_per_second = 20
    return names


def create_meshy(client: httpx.Client, simulator: Simulator, number: int) -> str:
    side = simulator.meshy
    body = {"mode": "preview", "prompt": f"katana {number}", "ai_model": "meshy-6"}
    answer = client.post(f"{side.url}/openapi/v2/text-to-3d", json=body, headers=bearer(side.key))
    return str(answer.raise_for_status().json()["result"])


def create_tripo(client: httpx.Client, simulator: Simulator, number: int) -> str:
    side = simulator.tripo
    body = {"prompt": f"katana {number}", "model": "v3.1-20260211", "texture": False, "pbr": False}
    url = f"{side.url}/v3/generation/text-to-model"
    answer = client.post(url, json=body, headers=bearer(side.key))
    return str(answer.raise_for_status().json()["data"]["task_id"])


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def measure(
    console: Console, simulator: Simulator, provider: str, names: list[str], process: Watcher
) -> None:
    began = time.time()
    for _ in names:
        process.hear()
    console.print(f"{provider}: {TASKS} tasks watched after {time.time() - began:.1f} s")
    quiet = Counter(asked_in(simulator, provider, QUIET_SECONDS))
    connections = simulator.book(provider).open_connections
    console.print(f"  in {QUIET_SECONDS:.0f} s: {dict(quiet)} requests, {connections} connections")
    delays = sorted(end_all(simulator, names, process))
    cuts = quantiles(delays, n=100)
    console.print(
        f"  from an end to its being seen: median {cuts[49] * 1000:.0f} ms,"
        f" 99 % {cuts[98] * 1000:.0f} ms, most {delays[-1] * 1000:.0f} ms"
    )
    console.print(f"  most memory of the watching process: {process.hear()['peak_mib']:.0f} MiB")


def asked_in(simulator: Simulator, provider: str, seconds: float) -> Iterator[str]:
    before = len(simulator.book(provider).requests)
    time.sleep(seconds)
    for request in simulator.book(provider).requests[before:]:
        last = request.path.rpartition("/")[2]
        yield last if last in ("stream", "list") else "task"


def end_all(simulator: Simulator, names: list[str], process: Watcher) -> Iterator[float]:
    ended: dict[str, float] = {}
    for name in names:
        ended[name] = time.time()
        simulator.settle(name, "succeeded")
        time.sleep(ENDS_APART)
    for _ in names:
        seen = process.hear()
        yield seen["at"] - ended[seen["task"]]
