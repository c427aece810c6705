"""The last stage: fetch what the provider made, keep it, and let the job succeed with it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import structlog

from worker.database.engine import Engine
from worker.database.records import Run
from worker.pipeline.fetch import TIMEOUTS, TOTAL, Fetched, NotFetched, fetch
from worker.pipeline.held import Held, Served
from worker.pipeline.order import stages_before
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Task
from worker.providers.outcome import Canceled, Failed, Link, Succeeded, Unseen, Working
from worker.providers.texts import explain
from worker.storage.folder import FolderStorage

BUCKET = "assets"
RETRY_AFTER = 10.0  # s
# Kept for a day: `delivery_deadline_minutes` ends it. A link that is dead gets fresh ones.
CONTENT_TYPES = {
    "glb": "model/gltf-binary",
    "fbx": "application/octet-stream",
    "obj": "model/obj",
    "mtl": "model/mtl",
    "usdz": "model/vnd.usdz+zip",
    "stl": "model/stl",
    "3mf": "model/3mf",
    "png": "image/png",
    "jpg": "image/jpeg",
}
URL_COLUMNS = {
    "model": "mesh_url",
    "base_color": "texture_url",
    "metallic": "pbr_metallic_url",
    "roughness": "pbr_roughness_url",
    "normal": "pbr_normal_url",
    "emission": "pbr_emission_url",
    "thumbnail": "thumbnail_url",
}

Json = dict[str, Any]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Depot:
    """What a delivery needs."""

    engine: Engine
    served: Mapping[str, Served]
    storage: FolderStorage
    client: httpx.AsyncClient
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that lies where the database will say it lies."""

    row: Json
    url: str


async def deliver(depot: Depot, held: Held) -> str:
    run = held.run
    links = await fresh_links(depot, run)
    if isinstance(links, Failure):
        return await give_way(depot, run, links)
    with TemporaryDirectory(prefix="meshqueue-") as folder:
        stored = await store_all(depot, run, links, Path(folder))
        if isinstance(stored, NotFetched):
            log.warning("not_fetched", action="not_fetched", why=stored.why, **held.names())
            return await later(depot, run, "fetch")
    return await depot.engine.finish_delivery(
        run, [file.row for file in stored], report_of(stored), urls_of(stored)
    )


async def later(depot: Depot, run: Run, reason: str) -> str:
    until = datetime.now(UTC) + timedelta(seconds=RETRY_AFTER)
    return await depot.engine.wait(run, reason, until)


async def give_way(depot: Depot, run: Run, failure: Failure) -> str:
    if failure.next in (Next.WAIT, Next.PAUSE):
        return await later(depot, run, failure.kind)
    raw = {"kind": failure.kind, "code": failure.code, "detail": failure.detail}
    return await depot.engine.fail(run, failure.kind, explain(failure), raw, task_ended=True)


def tasks_to_deliver(run: Run) -> tuple[Task, ...]:
    """Those of the last stage that ended well."""
    for stage in reversed(stages_before(run)):
        if tasks := run.finished[stage].get("tasks"):
            return tuple(Task(task["resource"], task["id"]) for task in tasks)
    return ()


async def fresh_links(depot: Depot, run: Run) -> list[Link] | Failure:
    served = depot.served.get(run.provider)
    if served is None:
        return Failure(Kind.UNAVAILABLE, f"this worker has no key for {run.provider}")
    links: dict[tuple[str, str], Link] = {}
    for task in tasks_to_deliver(run):
        match await served.provider.look(task):
            case Succeeded(output):
                for link in output.links:
                    links.setdefault((link.role, link.format), link)
            case Failed(failure) | Unseen(failure):
                return failure
            case Working() | Canceled():
                return Failure(Kind.TASK_FAILED, "the task has no result any more")
    if ("model", "glb") not in links:
        return Failure(Kind.TASK_FAILED, "the provider made no GLB")
    return list(links.values())


async def store_all(
    depot: Depot, run: Run, links: list[Link], folder: Path
) -> list[Stored] | NotFetched:
    stored = []
    for number, link in enumerate(links):
        fetched = await fetch_in_time(depot, link, folder / str(number))
        if isinstance(fetched, NotFetched):
            return fetched
        stored.append(await asyncio.to_thread(store, depot.storage, run, link, fetched))
    return stored


async def fetch_in_time(depot: Depot, link: Link, target: Path) -> Fetched | NotFetched:
    try:
        async with asyncio.timeout(TOTAL):
            return await fetch(depot.client, link.url, target, depot.most_bytes)
    except TimeoutError:
        return NotFetched("it takes too long")


def store(storage: FolderStorage, run: Run, link: Link, fetched: Fetched) -> Stored:
    key = key_of(run, link, fetched)
    storage.keep(BUCKET, key, fetched.path)
    row = {
        "role": link.role,
        "format": link.format,
        "bucket": BUCKET,
        "path": key,
        "bytes": fetched.bytes,
        "sha256": fetched.sha256,
        "content_type": CONTENT_TYPES.get(link.format, "application/octet-stream"),
    }
    return Stored(row, storage.url(BUCKET, key))


def key_of(run: Run, link: Link, fetched: Fetched) -> str:
    """Named by its content: a key never changes what it holds."""
    group = run.client_task_id or run.job_id
    name = f"{link.role}-{fetched.sha256[:16]}.{link.format}"
    return f"{run.user_id}/models/{group}/{name}"


def report_of(stored: list[Stored]) -> Json:
    model = next(file.row for file in stored if is_the_model(file))
    return {"bytes_before": model["bytes"], "bytes_after": model["bytes"]}


def is_the_model(file: Stored) -> bool:
    return (file.row["role"], file.row["format"]) == ("model", "glb")


def urls_of(stored: list[Stored]) -> Json:
    shown = [file for file in stored if file.row["role"] != "model" or is_the_model(file)]
    return {
        URL_COLUMNS[file.row["role"]]: file.url for file in shown if file.row["role"] in URL_COLUMNS
    }


def new_client() -> httpx.AsyncClient:
    """Carries no key: files lie with third parties."""
    return httpx.AsyncClient(timeout=TIMEOUTS, follow_redirects=True)
