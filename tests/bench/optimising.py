"""How quick the event loop stays while large models are optimised beside it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.bench.glb.models import generated_models
from worker.daemon.loop import run_long
from worker.optimising import Optimised, Optimisers, processors

MODELS = 4
PROCESSES = 2
NAP = 0.005
BETWEEN_QUESTIONS = 0.02
IDLE_SECONDS = 5.0
TARGET = 0.050
MODEL = "gen300k"
PRESET = "balanced"


def bench_optimising(console: Console) -> None:
    model = next(file for file in generated_models() if file.stem == MODEL)
    run_long(measure(console, model))


async def measure(console: Console, model: Path) -> None:
    console.print(
        f"{MODELS} models of 300,000 triangles and three 2048 px textures, {PROCESSES} processes,"
        f" {processors()} processors, load {os.getloadavg()[0]:.1f}"
    )
    async with server() as url, httpx.AsyncClient(trust_env=False) as client:

        async def ask() -> None:
            (await client.get(url)).raise_for_status()

        for name, work in (("idle", idle), ("optimising", lambda: optimise_all(console, model))):
            told = await watched(work, ask)
            for what, late in told.items():
                console.print(f"  {name}: {what} {shown(late)}")
    console.print(f"  99 % are to be under {TARGET * 1000:.0f} ms; load {os.getloadavg()[0]:.1f}")


async def watched(
    work: Callable[[], Awaitable[None]], ask: Callable[[], Awaitable[None]]
) -> dict[str, list[float]]:
    naps: list[float] = []
    answers: list[float] = []
    watchers = [asyncio.create_task(nap(naps)), asyncio.create_task(question(ask, answers))]
    await work()
    for watcher in watchers:
        watcher.cancel()
    await asyncio.wait(watchers)
    return {"a nap of 5 ms is late by": naps, "GET /healthz takes": answers}


async def nap(late: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(NAP)
        late.append(time.perf_counter() - began - NAP)


async def question(ask: Callable[[], Awaitable[None]], took: list[float]) -> None:
    """Fifty times a second, from this very loop: what the asking costs is counted too."""
    while True:
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, BETWEEN_QUESTIONS - took[-1]))


async def idle() -> None:
    await asyncio.sleep(IDLE_SECONDS)


async def optimise_all(console: Console, model: Path) -> None:
    optimisers = Optimisers(PROCESSES)
    began = time.perf_counter()
    with TemporaryDirectory(prefix="meshqueue-bench-") as folder:
        targets = [Path(folder) / f"{number}.glb" for number in range(MODELS)]
        outcomes = await asyncio.gather(
            *(optimisers.optimise(model, target, PRESET) for target in targets)
        )
    done = sum(isinstance(outcome, Optimised) for outcome in outcomes)
    console.print(f"  {done} of {MODELS} optimised in {time.perf_counter() - began:.1f} s")


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """As the worker has it: uvicorn in the same loop."""
    app = Starlette(routes=[Route("/healthz", healthz)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    served = uvicorn.Server(config)
    task = asyncio.create_task(served.serve())
    while not served.started:
        await asyncio.sleep(NAP)
    port = served.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/healthz"
    served.should_exit = True
    await task


async def healthz(request: Request) -> JSONResponse:
    del request
    return JSONResponse({"status": "alive"})


def shown(seconds: list[float]) -> str:
    cuts = quantiles(seconds, n=1000)
    return (
        f"median {cuts[499] * 1000:.1f} ms, 99 % {cuts[989] * 1000:.1f} ms,"
        f" 99.9 % {cuts[998] * 1000:.1f} ms, most {max(seconds) * 1000:.1f} ms of {len(seconds):,}"
    )
