"""Where it happens: a Postgres of its own, a network before it, the providers, a folder."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.world import MODELS
from tests.soak.haste import shorten
from tests.support.database import Database, fresh_database
from tests.support.jobs import set_setting
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import Postgres
from tests.support.template import ensure_template
from worker.embedded import SUPERUSER, Server, default_binaries, running
from worker.embedded.account import server_account
from worker.embedded.place import reachable_binaries
from worker.simulator import Book, Simulator
from worker.simulator.models import Model, make_model
from worker.simulator.product import Product, Workshop

SHAPES = ("a lamp", "a moth", "a wick")
TRIANGLES = 500
WORK_SECONDS = (0.2, 1.5)
PLENTY = 10_000_000
SETTINGS = {"rate_job_create_per_minute": 60}


@dataclass
class Scene:
    server: Server
    db: Database
    proxy: Proxy
    simulator: Simulator
    folder: Path
    our_keys: dict[str, str]

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    @property
    def books(self) -> tuple[Book, ...]:
        return tuple(self.simulator.book(each.name) for each in self.simulator.providers)

    def given(self, port: int) -> dict[str, Any]:
        """For a worker."""
        accounts = {"MESHY": self.simulator.meshy, "TRIPO": self.simulator.tripo}
        return {
            "database": self.proxy.url,
            "providers": {
                name: {
                    "key": self.our_keys[account.name],
                    "url": account.url,
                    "model": MODELS[name],
                    "secret": f"a secret of {account.name}",
                }
                for name, account in accounts.items()
            },
            "storage": str(self.storage),
            "port": port,
        }

    def hear_webhooks(self, port: int) -> None:
        for each in self.simulator.providers:
            url = f"http://127.0.0.1:{port}/webhooks/{each.name}"
            each.webhooks.register(url, f"a secret of {each.name}")

    def restart_postgres(self, mode: str) -> None:
        account = server_account()
        programs = reachable_binaries(default_binaries(), account).folder
        log = self.server.home / "cluster" / "server.log"
        options = ("restart", "-w", "-m", mode, "-l", log)
        done = account.run(programs / "pg_ctl", "-D", self.server.home / "cluster", *options)
        if done.returncode:
            raise RuntimeError(f"Postgres did not restart: {done.stdout}")

    def fresh_look(self) -> Database:
        """Sessions die with the server."""
        return Database(self.db.server, self.db.name)


@asynccontextmanager
async def scene(seed: int) -> AsyncIterator[Scene]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="meshqueue-soak-")))
        folder.chmod(0o711)  # noqa: ASYNC240 - the server may run as another account
        # As durable as a real one: it is stopped without warning, too.
        server = stack.enter_context(running(folder / "postgres", keep=False))
        postgres = Postgres("soak", SUPERUSER, server)
        db = stack.enter_context(fresh_database(postgres, ensure_template(postgres)))
        simulator = stack.enter_context(simulated(seed))
        shorten(db)
        for key, value in SETTINGS.items():
            set_setting(db, key, value)
        async with proxy_to(db.url()) as proxy:
            keys = {str(each.name): each.key for each in simulator.providers}
            yield Scene(server, db, proxy, simulator, folder, keys)


class Shelf(Workshop):
    """A few small models, made once: to make one for each task takes longer than all the rest."""

    def _model(self, product: Product) -> Model:
        seed = SHAPES[sum(product.seed.encode()) % len(SHAPES)]
        key = (seed, TRIANGLES, product.textured, product.pbr)
        if key not in self._models:
            self._models[key] = make_model(*key, texture_size=self._texture_size)
        return self._models[key]


@contextmanager
def simulated(seed: int) -> Iterator[Simulator]:
    """In real time, and quick at work: nobody else's tasks are before ours."""
    shelf = Shelf(texture_size=16)
    with Simulator(seed=seed) as simulator:
        for provider in simulator.providers:
            provider.workshop = shelf
            provider.account.credits = PLENTY
            provider.account.work_seconds = WORK_SECONDS
            vars(provider)["longest_queue"] = 0
        simulator.meshy.account.requests_per_second = 50
        simulator.tripo.account.uploads_per_minute = PLENTY
        simulator.tripo.account.generations_per_minute = PLENTY
        yield simulator
