"""The worker's HTTP face: health, metrics, webhooks that hurry."""

import asyncio
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import daemon as support
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, rich_user
from tests.support.proxy import proxy_to
from worker.daemon.daemon import STAGES, Daemon
from worker.providers.patience import Patience
from worker.simulator import Simulator

pytestmark = pytest.mark.newest_postgres

MESHY_SECRET = "meshy's own secret"
TRIPO_SECRET = "whsec_tripo's own secret"
SECRET_HEADER = "x-meshy-api-webhook-secret-key"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=0) as simulator:
        yield simulator


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def facing(
    db: Database, simulator: Simulator, folder: Path, **changes: Any
) -> AsyncIterator[tuple[Daemon, httpx.AsyncClient]]:
    port = free_port()
    secrets = {"MESHY": (MESHY_SECRET,), "TRIPO": (TRIPO_SECRET,)}
    plan = plan_for(
        db, simulator, folder, serve_http=True, port=port, webhook_secrets=secrets, **changes
    )
    async with (
        working(plan) as daemon,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        await until(lambda: daemon.server and daemon.server.started, "the server")
        yield daemon, client


async def test_health(db: Database, simulator: Simulator, tmp_path: Path) -> None:
    """A worker with its database and LISTEN says that it is ready, and shows what it holds."""
    async with facing(db, simulator, tmp_path) as (daemon, client):
        await daemon.listener.listening.wait()
        assert (await client.get("/healthz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (200, [])
        metrics = (await client.get("/metrics")).text
        assert "meshqueue_database_reachable 1.0" in metrics
        assert "meshqueue_stages_held 0.0" in metrics


async def test_its_port_stays_its_own(db: Database, simulator: Simulator, tmp_path: Path) -> None:
    """Nobody can take it while the HTTP face is started again."""
    async with facing(db, simulator, tmp_path) as (daemon, client):
        before = daemon.server
        assert before
        before.should_exit = True
        await until(lambda: not before.servers[0].is_serving(), "its end")
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("0.0.0.0", client.base_url.port or 0))  # noqa: S104 - as it does
        await until(lambda: daemon.server is not before, "its return")
        assert (await client.get("/healthz")).status_code == 200


async def test_ready_says_what_is_missing(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """Work that nobody begins, or a dead LISTEN, is told with 503."""
    async with facing(db, simulator, tmp_path) as (daemon, client):
        await daemon.supervision.end("listener", *STAGES, "rescue")
        daemon.listener._probed_at = None  # noqa: SLF001 - as if it had been silent for long
        jobs.create(db, rich_user(db), PREVIEW_ONLY)
        db.admin.execute("update meshqueue.runs set wake_at = now() - interval '5 minutes'")
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "LISTEN is not present" in ready.json()["problems"]
        assert any("has waited 300 s" in problem for problem in ready.json()["problems"])
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (("/webhooks/meshy", {SECRET_HEADER: MESHY_SECRET}), 204),
        (("/webhooks/meshy", {SECRET_HEADER: "another"}), 401),
        (("/webhooks/meshy", {}), 401),
        (("/webhooks/nobody", {}), 404),
    ],
)
async def test_webhooks_are_checked(
    db: Database,
    simulator: Simulator,
    tmp_path: Path,
    sent: tuple[str, dict[str, str]],
    status: int,
) -> None:
    """A task that nobody knows is answered well; a wrong secret, or none, is refused."""
    path, headers = sent
    async with facing(db, simulator, tmp_path) as (_, client):
        body = {"id": "unknown", "status": "SUCCEEDED", "progress": 100}
        assert (await client.post(path, headers=headers, json=body)).status_code == status


async def test_a_webhook_without_a_database_is_put_off(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """The provider is asked to tell it again; that is no fault of the worker's."""
    async with (
        proxy_to(db.url()) as proxy,
        facing(db, simulator, tmp_path, database_url=proxy.url) as (_, client),
    ):
        proxy.go_down()
        answer = await client.post(
            "/webhooks/meshy",
            headers={SECRET_HEADER: MESHY_SECRET},
            json={"id": "unknown"},
            timeout=60,
        )
        proxy.come_back()
        assert answer.status_code == 503


async def test_a_users_own_secret_opens_too(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """The secret that `rotate_webhook_secret` told once is known by its hash."""
    with db.user(rich_user(db)) as user:
        secret = user.value("select public.rotate_webhook_secret('MESHY')")
    async with facing(db, simulator, tmp_path) as (_, client):
        sent = await client.post(
            "/webhooks/meshy", headers={SECRET_HEADER: secret}, json={"id": "unknown"}
        )
        assert sent.status_code == 204


async def test_a_body_larger_than_any_webhook_is_refused(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """Nobody fills the worker's memory through this door."""
    async with facing(db, simulator, tmp_path) as (_, client):
        sent = await client.post("/webhooks/meshy", content=b" " * 1_000_001)
        assert sent.status_code == 413


@pytest.mark.parametrize("where", ["here", "in another worker"])
async def test_a_hint_wakes_the_watcher(
    db: Database,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """In whichever process it lives: polling every 100 s could not be the cause."""
    patience = Patience(batch=100, poll_first=100, poll_most=100)
    monkeypatch.setattr(support, "PATIENCE", patience)
    job = jobs.create(db, rich_user(db), {**PREVIEW_ONLY, "provider": "TRIPO"})
    async with facing(db, simulator, tmp_path) as (first, client):
        await until(lambda: len(first.stages) and first.stages.task_of(1), "the watched task")
        task = simulator.book("tripo").tasks[0].id
        if where == "here":
            await hint(client, simulator, task)
            await the_end(db, job["id"])
            return
        async with facing(db, simulator, tmp_path) as (_, other):
            await hint(other, simulator, task)
            await the_end(db, job["id"])


async def hint(client: httpx.AsyncClient, simulator: Simulator, task: str) -> None:
    await asyncio.to_thread(simulator.settle, task, "success")
    news = {"id": f"task_{task}:done", "type": "task.completed", "data": {"task_id": task}}
    body = json.dumps(news)
    at = int(time.time())
    digest = hmac.new(TRIPO_SECRET.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"Tripo-Webhook-Signature": f"t={at},v1={digest}"}
    sent = await client.post("/webhooks/tripo", headers=headers, content=body)
    assert sent.status_code == 204
