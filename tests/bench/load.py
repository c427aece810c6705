"""A simulated Meshy in real time, a database, and workers in processes of their own."""

import gc
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from tests.bench.place import Database, bench_place
from worker.daemon.loop import COLLECT_AFTER
from worker.simulator import BookedTask, Simulator

PLENTY = 10_000_000
REQUESTS_PER_SECOND = 100  # of Meshy's Enterprise plan
LABOUR = "tests.bench.labour"


@dataclass
class Labourer:
    process: "subprocess.Popen[str]"
    said: dict[str, Any] = field(default_factory=dict)

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended by itself with {self.process.wait()}")
        self.said = json.loads(line)
        return self.said

    def stop(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGTERM)
        return self.hear()


@dataclass
class Load:
    simulator: Simulator
    database: Database
    folder: Path
    connection: psycopg.Connection
    user: UUID
    labour: str

    def create(self, prompt: str, **more: Any) -> None:
        """By the service role, which no rate limits; committed when it returns."""
        request = {"prompt": prompt, "store_assets": True, **more}
        self.connection.execute(
            "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)",
            [self.user, Jsonb(request)],
        )

    def ended(self) -> dict[str, int]:
        rows = self.connection.execute("select status::text, count(*) from ai_jobs group by 1")
        return dict(rows.fetchall())

    def tasks(self) -> tuple[BookedTask, ...]:
        return self.simulator.book("meshy").tasks

    @contextmanager
    def labourer(self, **more: Any) -> Iterator[Labourer]:
        given = {
            "database": self.database.url(),
            "meshy": self.simulator.meshy.url,
            "key": self.simulator.meshy.key,
            "storage": str(self.folder),
            "requests_per_second": self.simulator.meshy.account.requests_per_second,
            **more,
        }
        with subprocess.Popen(
            [sys.executable, "-m", self.labour, json.dumps(given)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                labourer = Labourer(process)
                labourer.hear()
                yield labourer
            finally:
                process.kill()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """What the simulator waits for Python's collector would count as the workers' delay."""
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECT_AFTER)
    yield
    gc.set_threshold(*usual)


@contextmanager
def load(slots: int, speed: float = 1.0, labour: str = LABOUR) -> Iterator[Load]:
    with ExitStack() as stack:
        stack.enter_context(seldom_collecting())
        simulator = stack.enter_context(Simulator(seed=1, texture_size=16, speed=speed))
        simulator.meshy.account.credits = PLENTY
        simulator.meshy.account.queued_tasks = PLENTY
        simulator.meshy.account.requests_per_second = REQUESTS_PER_SECOND
        database = stack.enter_context(bench_place()).new_database("load")
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="meshqueue-bench-")))
        connection = stack.enter_context(psycopg.connect(database.url(), autocommit=True))
        user = new_user(connection)
        settings = {"max_in_flight_meshy": slots}
        for key, value in settings.items():
            connection.execute(
                "update app_settings set value = %s where key = %s", [str(value), key]
            )
        yield Load(simulator, database, folder, connection, user, labour)


def new_user(connection: psycopg.Connection) -> UUID:
    user = uuid4()
    connection.execute(
        "insert into auth.users (id, email) values (%s, %s)", [user, f"{user}@example.com"]
    )
    connection.execute("select from grant_credits(%s, %s, 'bench')", [user, PLENTY])
    return user


def seconds_between(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds()


def cut(values: list[float], share: float) -> float:
    """The value that a share of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
