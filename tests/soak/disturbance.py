"""What goes wrong, and when: drawn from the seed before anything begins."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from tests.soak.crew import Crew
from tests.soak.scene import Scene
from worker.simulator import Fault, Rule
from worker.simulator.errors import SimulatorError
from worker.simulator.fault import OPERATIONS, PROVIDERS, Operation, ProviderName, operations_of
from worker.simulator.task import Task

ROUND = 20.0  # s, in which everything below happens as often as it says
# Of a round; then comes a lull: who has just been cut off may not rescue, and nobody else is there.
STORM = (0.02, 0.6)
FAULT_EVERY = 0.25
STRANGERS = 6  # tasks of somebody else on our account, at a time
STUCK_AFTER = 6.0  # s: a person at the provider looks at such a task
CONNECT_TIMEOUT = 5


class Kind(StrEnum):
    KILL = "workers killed (SIGKILL)"
    TERM = "workers sent away (SIGTERM)"
    RESTART = "Postgres restarted"
    CRASH = "Postgres crashed (immediate stop)"
    CUT = "all connections cut"
    BLACKHOLE = "connections blackholed"
    DOWN = "database out of reach for seconds"
    FILL = "provider's queue filled by others"
    OVERDUE = "deadlines passed at once"
    FAULT = "faults of providers"


EACH_ROUND = {
    Kind.KILL: 3,
    Kind.TERM: 1,
    Kind.RESTART: 1,
    Kind.CRASH: 1,
    Kind.CUT: 1,
    Kind.BLACKHOLE: 1,
    Kind.DOWN: 1,
    Kind.FILL: 2,
    Kind.OVERDUE: 2,
}
# Theirs are minutes; the lists and links of ours are read back after two seconds.
SECONDS = {
    Fault.ACCEPTED_LATE: 0.8,
    Fault.LIST_LAGS: 0.8,
    Fault.WEBHOOK_LATE: 3.0,
    Fault.DOWNLOAD_SLOW: 3.0,
}


@dataclass(frozen=True, order=True)
class Act:
    at: float
    """Seconds after the beginning."""
    kind: Kind
    number: int = 0
    """Which worker, how many seconds, whatever the kind needs."""
    rule: Rule | None = field(default=None, compare=False)


def planned(seed: int, seconds: float, workers: int) -> tuple[Act, ...]:
    """The same seed, the same plan: what it meets differs by moments."""
    dice = Random(f"{seed}:disturbances")  # noqa: S311 - repeatable on purpose
    return tuple(sorted([*_blows(dice, seconds, workers), *_faults(dice, seconds)]))


def _blows(dice: Random, seconds: float, workers: int) -> Iterator[Act]:
    """At least one round, however short the time is."""
    rounds = max(1, int(seconds // ROUND))
    length = seconds / rounds
    for turn in range(rounds):
        for kind, times in EACH_ROUND.items():
            for _ in range(times):
                at = (turn + dice.uniform(*STORM)) * length
                yield Act(at, kind, dice.randrange(workers))


def _faults(dice: Random, seconds: float) -> Iterator[Act]:
    """Every fault at every operation, in a new order each time they have all had their turn."""
    waiting: list[Rule] = []
    for turn in range(int(seconds / FAULT_EVERY)):
        if not waiting:
            waiting = all_faults()
            dice.shuffle(waiting)
        yield Act(turn * FAULT_EVERY, Kind.FAULT, rule=waiting.pop())


def all_faults() -> list[Rule]:
    return [
        rule_for(fault, provider, operation)
        for provider in PROVIDERS
        for operation in OPERATIONS
        for fault in Fault
        if operation in operations_of(fault, provider)
    ]


def rule_for(fault: Fault, provider: ProviderName, operation: Operation) -> Rule:
    options = {"seconds": SECONDS[fault]} if fault in SECONDS else {}
    return Rule(fault, provider, operation, options=options)


@dataclass
class Trouble:
    scene: Scene
    crew: Crew
    plan: Sequence[Act]
    done: Counter[Kind] = field(default_factory=Counter)
    met: set[tuple[object, ...]] = field(default_factory=set)
    """Faults that really happened to a request."""
    stranger: str = ""
    _aside: set["asyncio.Task[None]"] = field(default_factory=set)

    async def make(self) -> None:
        self.stranger = self.scene.simulator.meshy.add_key()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for act in self.plan:
            await asyncio.sleep(max(0.0, begun + act.at - loop.time()))
            await self._do(act)
            self.done[act.kind] += 1

    async def _do(self, act: Act) -> None:  # noqa: C901 - as many as there are kinds
        match act.kind:
            case Kind.KILL:
                await self.crew.send(act.number, signal.SIGKILL)
            case Kind.TERM:
                await self.crew.send(act.number, signal.SIGTERM)
            case Kind.RESTART:
                await asyncio.to_thread(self.scene.restart_postgres, "fast")
            case Kind.CRASH:
                await asyncio.to_thread(self.scene.restart_postgres, "immediate")
            case Kind.CUT:
                self.scene.proxy.cut()
            case Kind.BLACKHOLE:
                self.scene.proxy.blackhole()
            case Kind.DOWN:
                self._beside(self._down(1 + act.number))
            case Kind.FILL:
                self._beside(self._fill())
            case Kind.OVERDUE:
                await asyncio.to_thread(self._overdue)
            case Kind.FAULT if act.rule:
                self.scene.simulator.script(act.rule)

    def _beside(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _down(self, seconds: float) -> None:
        self.scene.proxy.go_down()
        await asyncio.sleep(seconds)
        self.scene.proxy.come_back()

    async def _fill(self) -> None:
        """By another program with a key of the same account."""
        url = f"{self.scene.simulator.meshy.url}/openapi/v2/text-to-3d"
        body = {"mode": "preview", "prompt": "somebody else's"}
        headers = {"Authorization": f"Bearer {self.stranger}"}
        async with httpx.AsyncClient(headers=headers, timeout=5) as client:
            posts = (client.post(url, json=body) for _ in range(STRANGERS))
            await asyncio.gather(*posts, return_exceptions=True)

    def _overdue(self) -> None:
        """Of a few jobs, chosen by the database."""
        query = """
            update public.ai_jobs set deadline_at = now() where id in (
              select id from public.ai_jobs where status::text in ('QUEUED', 'IN_PROGRESS')
              order by md5(id::text) limit 2 for no key update skip locked)
        """
        url = make_conninfo(self.scene.db.url(), connect_timeout=CONNECT_TIMEOUT)
        try:
            with psycopg.connect(url, autocommit=True) as session:
                session.execute(query.encode())
        except psycopg.Error:
            self.done[Kind.OVERDUE] -= 1

    async def end(self) -> None:
        """From now on everything works."""
        await asyncio.gather(*self._aside, return_exceptions=True)
        self.met = befallen(self.scene)
        self.scene.simulator.forget_rules()
        self.scene.proxy.come_back()


@dataclass
class Nurse:
    """Somebody at the providers: ends tasks that are stuck, and lets webhooks pass again."""

    scene: Scene
    seen: dict[str, float] = field(default_factory=dict)

    async def watch(self, now: Callable[[], float]) -> None:
        while True:
            for task in self._unfinished():
                self._look(task.id, now())
            self._enable()
            await asyncio.sleep(1)

    def _unfinished(self) -> list[Task]:
        """Not by the book: to write it down each second takes long when it has grown long."""
        now = self.scene.simulator.clock.seconds()
        providers = self.scene.simulator.providers
        tasks = [task for provider in providers for task in tuple(provider.tasks.values())]
        return [task for task in tasks if not task.ended(now) and not task.deleted]

    def _look(self, task: str, now: float) -> None:
        if now - self.seen.setdefault(task, now) < STUCK_AFTER:
            return
        try:
            self.scene.simulator.settle(task, "failed")
        except SimulatorError:  # it has ended meanwhile
            return

    def _enable(self) -> None:
        for provider in self.scene.simulator.providers:
            for hook in provider.webhooks.hooks:
                hook.active, hook.failures = True, 0


def befallen(scene: Scene) -> set[tuple[object, ...]]:
    """Which faults really met a request."""
    return {
        (entry.rule.fault, entry.rule.provider, entry.rule.operation)
        for entry in scene.simulator.rules.entries
        if entry.done
    }
