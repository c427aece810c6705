"""Fifty users who create and cancel at random, as the clients do: by RPC, and again until answered.

They don't go through the network that fails, but Postgres restarts under them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from tests.soak.wishes import Wisher
from tests.support.database import Database

Caller = psycopg.AsyncConnection[DictRow]
Answer = TypeVar("Answer")

SESSIONS = 8
AGAIN_AFTER = 0.3  # s
BOARD_EVERY = 0.4
BECOME = (
    "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)"
)
CREATE = "select id from public.create_ai_job_with_credits(%s, idempotency_key => %s)"


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """By the API, with its code."""


@dataclass
class Told:
    """What users were told; it must be true in the end."""

    jobs: dict[UUID, str] = field(default_factory=dict)
    """By the idempotency key that each was asked for with."""
    twice: list[UUID] = field(default_factory=list)
    """Another job under a key that had one."""
    refusals: Counter[str] = field(default_factory=Counter)
    canceled: set[UUID] = field(default_factory=set)
    """The API said so."""
    _first: dict[str, UUID] = field(default_factory=dict)

    def created(self, key: str, job: UUID) -> None:
        if self._first.setdefault(key, job) != job:
            self.twice.append(job)
        self.jobs[job] = key


@dataclass
class Switchboard:
    """A few sessions for all of them; one that died is made anew."""

    url: str
    free: asyncio.Queue[Caller | None] = field(default_factory=asyncio.Queue)

    async def ask(self, user: UUID, call: Callable[[Caller], Awaitable[Answer]]) -> Answer:
        """Until there is an answer: what was lost with its session is asked for again."""
        while True:
            session = await self.free.get()
            try:
                session = session or await self._new()
                async with session.transaction():
                    await session.execute(BECOME.encode(), [f'{{"sub": "{user}"}}'])
                    return await call(session)
            except psycopg.Error as error:
                if (error.sqlstate or "").startswith("PT"):
                    raise Refused(str(error.sqlstate)) from None
                session = await self._usable(session)
                await asyncio.sleep(AGAIN_AFTER)
            finally:
                self.free.put_nowait(session)

    async def _new(self) -> Caller:
        return await psycopg.AsyncConnection.connect(
            self.url, autocommit=True, connect_timeout=5, row_factory=dict_row
        )

    @staticmethod
    async def _usable(session: Caller | None) -> Caller | None:
        if session and session.broken:
            await session.close()
        return None if session is None or session.closed else session

    async def close(self) -> None:
        while not self.free.empty():
            if session := self.free.get_nowait():
                await session.close()


@dataclass
class Crowd:
    board: Switchboard
    told: Told
    storage: Path
    window: str
    """The address of a session that sees all of it."""
    open: set[UUID] = field(default_factory=set)
    """As of the last look."""
    looks: int = 0

    async def look(self) -> None:
        """One for all: what is not over yet."""
        query = "select id from public.ai_jobs where status::text in ('QUEUED', 'IN_PROGRESS')"
        while True:
            with suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(
                    self.window, connect_timeout=5
                ) as session:
                    while True:
                        rows = await (await session.execute(query.encode())).fetchall()
                        await session.rollback()
                        self.open = {row[0] for row in rows}
                        self.looks += 1
                        await asyncio.sleep(BOARD_EVERY)
            await asyncio.sleep(AGAIN_AFTER)

    async def live(self, user: UUID, dice: Random) -> None:
        wisher = Wisher(user, dice, self._keep)
        await asyncio.sleep(dice.uniform(0, 2))
        while True:
            with suppress(Refused):
                job = await self._create(wisher)
                await self._follow(user, job, dice)
            await asyncio.sleep(dice.uniform(0.2, 2))

    async def _create(self, wisher: Wisher) -> UUID:
        request, key = Jsonb(wisher.wish()), str(uuid4())

        async def create(session: Caller) -> UUID:
            answer = await session.execute(CREATE.encode(), [request, key])
            row = await answer.fetchone()
            assert row
            job: UUID = row["id"]
            return job

        times = 2 if wisher.dice.random() < 0.2 else 1
        for _ in range(times):
            job = await self._noted(self.board.ask(wisher.user, create))
            self.told.created(key, job)
        return job

    async def _follow(self, user: UUID, job: UUID, dice: Random) -> None:
        """To its end, or until the user thinks better of it, twice."""
        cancels = dice.random() < 0.2
        patience = dice.uniform(0, 5) if cancels else 1e9
        begun, looks = asyncio.get_running_loop().time(), self.looks
        while self.looks <= looks + 1 or job in self.open:
            if asyncio.get_running_loop().time() - begun > patience:
                async with asyncio.TaskGroup() as both:  # a gather leaves before its second one
                    for _ in range(2):
                        both.create_task(self._cancel(user, job))
                return
            await asyncio.sleep(BOARD_EVERY)

    async def _cancel(self, user: UUID, job: UUID) -> None:
        async def cancel(session: Caller) -> None:
            await session.execute(b"select from public.cancel_ai_job(%s)", [job])

        with suppress(Refused):
            await self._noted(self.board.ask(user, cancel))
            self.told.canceled.add(job)

    async def _noted(self, asking: Awaitable[Answer]) -> Answer:
        try:
            return await asking
        except Refused as refused:
            self.told.refusals[str(refused)] += 1
            raise

    def _keep(self, path: str, data: bytes) -> None:
        target = self.storage / "inputs" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@asynccontextmanager
async def crowd(db: Database, users: list[UUID], seed: int, storage: Path) -> AsyncIterator[Crowd]:
    """They have gone when the block ends: none waits for an answer any more."""
    here = Crowd(Switchboard(db.url("authenticator")), Told(), storage, db.url())
    for _ in range(SESSIONS):
        here.board.free.put_nowait(None)
    dice = [Random(f"{seed}:{number}") for number in range(len(users))]  # noqa: S311 - repeatable on purpose
    living = [asyncio.create_task(here.live(*each)) for each in zip(users, dice, strict=True)]
    living.append(asyncio.create_task(here.look()))
    try:
        yield here
        if ended := [task for task in living if task.done()]:
            await asyncio.gather(*ended)  # nobody leaves by himself: the error is told
    finally:
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)
        await here.board.close()
