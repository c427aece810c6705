"""The worker: what `meshqueue run` starts, and how it ends."""

import asyncio
import os
import platform
import socket
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

import orjson
import structlog

from worker import __version__, queue
from worker.daemon.keys import serves
from worker.daemon.memory import memory_mib
from worker.daemon.reach import answers
from worker.daemon.supervision import Supervision, every
from worker.daemon.watchdog import Watchdog
from worker.database.connection import Pool, new_pool
from worker.database.engine import FOR_EVER, Engine
from worker.database.listener import Listener
from worker.database.vitals import Vitals
from worker.ending import end_tasks
from worker.fetching import Fetcher
from worker.fetching.patience import TYPED
from worker.http.app import new_http
from worker.http.files import Files
from worker.http.health import Health
from worker.http.metrics import Metrics
from worker.http.server import Server, listen_at, new_server
from worker.http.webhooks import Webhooks
from worker.optimising import processors
from worker.optimising.optimisers import MEMORY_BYTES, Optimisers
from worker.pipeline import upkeep
from worker.pipeline.delivery import Depot, deliver
from worker.pipeline.hands import Hands
from worker.pipeline.held import Held, Served, Tools
from worker.pipeline.objects import Objects
from worker.pipeline.pictures import Pictures
from worker.pipeline.posts import Posts
from worker.pipeline.progress import Progress
from worker.pipeline.stage import conduct
from worker.providers.order import MOST_PICTURE_BYTES
from worker.storage.folder import FolderStorage
from worker.storage.protocol import Storage
from worker.telemetry.alarms import LOOK_EVERY, Alert, open_alarms
from worker.telemetry.chronicle import Chronicle
from worker.telemetry.lag import measure_lag
from worker.telemetry.traces import Collector, open_traces

HEARTBEAT_EVERY = 5.0  # s; a lease is 30
DELIVERIES_AT_ONCE = 8  # most of the time they wait for a network
GRACE = 30.0  # s that a delivery gets to end by itself
LAST_WORDS = 5.0  # s, for procrastinate's worker to sign off after its tasks' grace
TALLY_EVERY = 60.0  # s
NEVER = 1e9  # s
STAGES = tuple(f"stages {number}" for number in range(1, queue.FETCHERS + 1))
OUR_CHANNEL = "meshqueue"
EXIT_ASKED = 0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a worker is started with."""

    database_url: str = field(repr=False)
    served: Mapping[str, Served]
    storage: Storage
    bucket: str = "assets"
    deliveries_at_once: int = DELIVERIES_AT_ONCE
    optimisers: int = field(default_factory=processors)
    optimiser_memory: int = MEMORY_BYTES
    plain_http_hosts: frozenset[str] = frozenset()
    """Of a simulator: everything else is fetched over https and from public addresses."""
    webhook_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    most_bytes: int = 100_000_000
    port: int | None = None
    serve_http: bool = True
    grace: float = GRACE
    metrics_token: str | None = field(default=None, repr=False)
    alert: Alert | None = None
    collector: Collector | None = None


class Daemon:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.worker = uuid4()
        self.stages_queues = queue.stage_queues(serves(plan.served))
        self.pool: Pool = new_pool(plan.database_url)
        self.engine = Engine(self.pool, self.worker)
        self.deliveries_queues = queue.delivery_queues(serves(plan.served))
        queues = (*self.stages_queues, *self.deliveries_queues, "upkeep")
        self.listener = Listener(plan.database_url, [OUR_CHANNEL, *queue.channels_of(queues)])
        self.posts = Posts()
        self.progress = Progress(self.engine)
        self.stages = Hands(self.engine, self._conduct, self.progress, self.posts)
        self.fetcher = Fetcher(plan.most_bytes, plan.plain_http_hosts)
        self.typed = Fetcher(MOST_PICTURE_BYTES, plan.plain_http_hosts, patience=TYPED)
        self.optimisers = Optimisers(plan.optimisers, plan.optimiser_memory)
        self.pictures = Pictures(plan.storage, self.typed, self.optimisers)
        self.objects = Objects(self.engine, plan.storage)
        self.deliveries = Hands(self.engine, self._deliver, self.progress, Posts())
        self.supervision = Supervision()
        self.vitals = Vitals(self.pool)
        self.chronicle = Chronicle(self.vitals, open_traces(plan.collector, self.worker))
        self.alarms = open_alarms(self.vitals, plan.alert)
        signs = {
            "LISTEN": self.listener.silent_for,
            "database": self.engine.silent_for,
            "stages": self.stages_silent_for,
        }
        self.watchdog = Watchdog(signs, partial(answers, plan.database_url))
        self._asked_to_stop = asyncio.Event()
        self._looked_for_stages_at = time.monotonic()
        self.ready = asyncio.Event()
        self.server: Server | None = None
        self._port: socket.socket | None = None

    # --- its life

    def stop(self) -> None:
        self._asked_to_stop.set()

    async def run(self) -> int:
        """Until it is asked to stop. Answers with the exit code."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            if await self._started():
                await self._asked_to_stop.wait()
                await self._drain()
        return EXIT_ASKED

    async def _started(self) -> bool:
        """Unless it is asked to stop meanwhile: a database that is away may take its time."""
        starting = asyncio.create_task(self._start())
        asked = asyncio.create_task(self._asked_to_stop.wait())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
        finally:
            await end_tasks([starting, asked])
        return self.ready.is_set()

    async def _start(self) -> None:
        await self.pool.open()
        if self.plan.serve_http:
            self._port = listen_at(self.plan.port)
        self.listener.hear(OUR_CHANNEL, self._heard)
        self.listener.on_return(self.progress.call_the_roll)
        self.supervision.keep("listener", self.listener.run)
        await self.engine.heartbeat(serves(self.plan.served), self._info(), patience=FOR_EVER)
        self._keep_working()
        self._keep_up()
        if self._port:
            self.supervision.keep("http", partial(self._serve, self._port))
        self.watchdog.start()
        self.ready.set()
        log.info("worker_started", action="worker_started", worker=str(self.worker))

    def _keep_working(self) -> None:
        wakes = queue.Wakes(
            run_stage=self._run_stage,
            deliver=self._run_delivery,
            admit=self._admit,
            publish=self.objects.publish,
            remove_objects=self.objects.remove_due,
        )
        keep = self.supervision.keep
        for name in STAGES:
            keep(name, lambda: self._work(wakes, self.stages_queues, queue.STAGES_AT_ONCE))
        keep(
            "deliveries",
            lambda: self._work(wakes, self.deliveries_queues, self.plan.deliveries_at_once),
        )
        keep("upkeep queue", lambda: self._work(wakes, ["upkeep"], queue.UPKEEP_AT_ONCE))

    def stages_silent_for(self) -> float:
        """Since anybody last looked for one to run: with so short tasks, somebody always does."""
        return 0 if self._asked_to_stop.is_set() else time.monotonic() - self._looked_for_stages_at

    def _note_looking(self, queues: list[str]) -> None:
        if queues == self.stages_queues:
            self._looked_for_stages_at = time.monotonic()

    async def _work(self, wakes: queue.Wakes, queues: list[str], at_once: int) -> None:
        app = queue.new_app(self.listener, wakes, partial(self._note_looking, queues))
        async with app.open_async(self.pool):
            await app.run_worker_async(**queue.worker_options(queues, at_once, self.plan.grace))

    def _keep_up(self) -> None:
        hands = [self.stages, self.deliveries]
        care = upkeep.Upkeep(self.engine, dict(self.plan.served), hands, self.objects)
        turns = {
            "heartbeat": (HEARTBEAT_EVERY, self._beat),
            "rescue": (upkeep.RESCUE_EVERY, care.rescue),
            "expire": (upkeep.EXPIRE_EVERY, care.expire),
            "sweep": (upkeep.SWEEP_EVERY, care.sweep),
            "purge": (upkeep.PURGE_EVERY, care.purge),
            "pauses": (upkeep.BALANCE_EVERY, care.lift_pauses),
            "give back": (upkeep.GIVE_BACK_EVERY, care.give_back),
            "remove objects": (upkeep.REMOVE_EVERY, care.remove_objects),
            "tallies": (TALLY_EVERY, self.vitals.fold_tallies),
            "measuring": (TALLY_EVERY, self.vitals.measure_storage),
        }
        if self.alarms:
            turns["alarms"] = (LOOK_EVERY, self.alarms.turn)
        for name, (seconds, act) in turns.items():
            self.supervision.keep(name, partial(every, seconds, name, act))
        self.supervision.keep("progress", lambda: self.progress.run(self._recheck))
        self.supervision.keep("watchdog beat", self.watchdog.beat)
        self.supervision.keep("loop lag", measure_lag)

    async def _serve(self, port: socket.socket) -> None:
        """The port is open as long as the worker: where it is taken, uvicorn ends the process."""
        health = Health(self.engine, self.listener)
        metrics = Metrics(self.vitals, self._counts, self.plan.metrics_token)
        webhooks = Webhooks(self.engine, self.plan.served, self.plan.webhook_secrets)
        storage = self.plan.storage
        files = Files(storage).routes() if isinstance(storage, FolderStorage) else ()
        self.server = server = new_server(new_http(health, metrics, webhooks, files))
        serving = asyncio.create_task(server.serve([port.dup()]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True  # uvicorn closes its socket only when it ends by itself
            await serving

    async def _drain(self) -> None:
        """Watched tasks go on elsewhere at once; a delivery under way may end by itself."""
        log.info("draining", action="draining", stages=len(self.stages), posts=len(self.posts))
        self.supervision.stop_restarting()
        patience = self.plan.grace + LAST_WORDS
        # First, or it would take back what is released.
        await self.supervision.end(*STAGES, grace=patience)
        await self.stages.close()
        await self.supervision.end("deliveries", "upkeep queue", grace=patience)
        await self.deliveries.close()

    async def _close(self) -> None:
        await self.supervision.end("http", grace=LAST_WORDS)
        if self._port:
            self._port.close()
        await self.supervision.end_all()
        self.watchdog.stop()
        await self._leave()
        await self.chronicle.close()
        if self.alarms:
            await self.alarms.close()
        for served in self.plan.served.values():
            await served.provider.close()
        await self.optimisers.close()
        await self.fetcher.close()
        await self.typed.close()
        await self.plan.storage.close()
        await self.pool.close(timeout=5)
        log.info("worker_stopped", action="worker_stopped", worker=str(self.worker))

    async def _leave(self) -> None:
        """Its lease ends now: what it could not give back is rescued at once."""
        if not self.ready.is_set():
            return
        try:
            await self.engine.heartbeat(serves(self.plan.served), self._info(), leaving=True)
        except Exception:
            log.exception("not_signed_off", action="not_signed_off")

    # --- what its parts call

    async def _conduct(self, held: Held) -> str:
        served = self.plan.served[held.run.provider]
        tools = Tools(self.engine, served, self.progress, self.posts, self.pictures.read)
        return await self.chronicle.of(held.run, conduct(tools, held))

    async def _deliver(self, held: Held) -> str:
        depot = Depot(
            self.engine,
            self.plan.served,
            self.plan.storage,
            self.fetcher,
            self.optimisers,
            self.plan.bucket,
        )
        return await self.chronicle.of(held.run, deliver(depot, held))

    async def _run_stage(self, job_id: UUID, stage: str) -> None:
        await self.stages.begin(job_id, stage)

    async def _run_delivery(self, job_id: UUID) -> None:
        """Held to its end: as many at once as there are processors for them."""
        if task := await self.deliveries.begin(job_id, "DELIVER"):
            await asyncio.wait({task})

    async def _admit(self, pool: str) -> None:
        await self.engine.admit(pool)

    async def _beat(self) -> None:
        await self.engine.heartbeat(serves(self.plan.served), self._info())

    async def _recheck(self, run_ids: list[int]) -> None:
        await self.stages.recheck(run_ids)
        await self.deliveries.recheck(run_ids)

    async def _heard(self, channel: str, payload: str) -> None:
        del channel
        said = orjson.loads(payload)
        if said.get("worker") != str(self.worker):
            return
        match said["type"]:
            case "cancel":
                self.stages.job_is_over(said["run"])
                self.deliveries.job_is_over(said["run"])
            case "hint":
                self._nudge(said["run"])

    def _nudge(self, run_id: int) -> None:
        if task_id := self.stages.task_of(run_id):
            for served in self.plan.served.values():
                served.provider.nudge(task_id)

    def _counts(self) -> dict[str, float]:
        return {
            "listen_silent_seconds": min(self.listener.silent_for(), NEVER),
            "stages_held": len(self.stages),
            "deliveries_held": len(self.deliveries),
            "posts_under_way": len(self.posts),
        }

    def _info(self) -> dict[str, object]:
        return {
            "version": __version__,
            "host": platform.node(),
            "pid": os.getpid(),
            "memory_mib": memory_mib(),
            "restarts": self.supervision.restarts_lately(),
        }
