"""Everything that this worker holds: taken, told, given back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import structlog

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.database.records import NotBegun, Run
from worker.ending import end_tasks
from worker.pipeline.held import Held
from worker.pipeline.posts import Posts
from worker.pipeline.progress import Progress

Conduct = Callable[[Held], Awaitable[str]]

AFTER_A_FAULT = 30.0  # s, before a run whose step failed unexpectedly is tried again
# After an outage of Postgres our lease has lapsed until the next heartbeat.
STALE = NotBegun("stale_worker")
HEARTBEAT_COMES_WITHIN, HEARTBEATS_MISSED = 1.0, 20  # s, and how often that is waited for
SETTLED = ("ok", "over")  # the database took the decision: nothing is ours any more

log = structlog.get_logger()


class Hands:
    def __init__(self, engine: Engine, conduct: Conduct, progress: Progress, posts: Posts) -> None:
        self._engine = engine
        self._conduct = conduct
        self._progress = progress
        self._posts = posts
        self._held: dict[int, tuple[Held, asyncio.Task[None]]] = {}
        self._dropped: list[Run] = []
        self._doubtful: set[tuple[UUID, str]] = set()
        self._closing = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    async def begin(self, job_id: UUID, stage: str) -> "asyncio.Task[None] | None":
        """For a wake-up: takes the run, unless it is another's or over, and works on it."""
        if self._closing.is_set():
            return None
        try:
            answer = await self._ask_for(job_id, stage)
        except BaseException:
            self._doubtful.add((job_id, stage))
            raise
        if isinstance(answer, NotBegun):
            log.debug("not_begun", action="not_begun", job=str(job_id), stage=stage, why=answer.why)
        elif self._closing.is_set():
            await self._engine.release([answer])
        else:
            return self._take(answer)
        return None

    async def _ask_for(self, job_id: UUID, stage: str) -> Run | NotBegun:
        """A wake-up that comes before our first heartbeat after an outage is not thrown away."""
        answer = await self._engine.begin(job_id, stage)
        for _ in range(HEARTBEATS_MISSED):
            if answer != STALE:
                return answer
            await asyncio.sleep(HEARTBEAT_COMES_WITHIN)
            answer = await self._engine.begin(job_id, stage, again=True)
        self._doubtful.add((job_id, stage))
        return answer

    def _take(self, run: Run) -> "asyncio.Task[None]":
        """Held already if an answer was lost and the call repeated: only the attempt is new."""
        if found := self._held.get(run.id):
            found[0].replace(run)
            return found[1]
        held = Held(run)
        task = asyncio.create_task(self._work(held), name=f"run {run.id}")
        self._held[run.id] = (held, task)
        self._progress.know(run)
        return task

    async def _work(self, held: Held) -> None:
        log.info("stage_begun", action="stage_begun", **held.names())
        begun = held.run
        try:
            outcome = await self._conduct(held)
        except asyncio.CancelledError:
            if held.run is not begun:  # while what was canceled still cleared up
                self._dropped.append(held.run)
            raise
        except Exception:
            log.exception("stage_faulted", action="stage_faulted", **held.names())
            await asyncio.sleep(AFTER_A_FAULT)
            outcome = "faulted"
        finally:
            self._progress.forget(held.run.id)
            self._held.pop(held.run.id, None)
        # Begun again meanwhile, perhaps after the decision: what that left is ours, and unattended.
        if outcome not in SETTLED or held.run is not begun:
            await self._drop(held.run)

    async def _drop(self, run: Run) -> None:
        """Ours still, perhaps: a decision is fenced, too, when our own second look came between."""
        self._dropped.append(run)
        await self.give_back()

    async def give_back(self) -> None:
        """What ended without a decision: whoever begins it next sees where it stands.

        Of what is another's by now the database takes no notice.
        """
        runs, self._dropped = self._dropped, []
        try:
            if runs:
                await self._engine.release(runs)
        except BaseException as error:
            self._dropped.extend(runs)
            if not is_passing(error):
                raise

    async def settle_doubts(self) -> None:
        """What may have become ours without our hearing it: nobody else would ever begin it."""
        self._doubtful -= {(held.run.job_id, held.run.stage) for held, _ in self._held.values()}
        for doubt in tuple(self._doubtful):
            await self._settle(*doubt)

    async def _settle(self, job_id: UUID, stage: str) -> None:
        try:
            answer = await self._engine.begin(job_id, stage, again=True)
        except Exception as error:
            if not is_passing(error):
                self._doubtful.discard((job_id, stage))
            raise
        if answer == STALE:
            return
        self._doubtful.discard((job_id, stage))
        if isinstance(answer, NotBegun):
            return
        if answer.id in self._held:
            self._take(answer)
        else:
            await self._drop(answer)

    def job_is_over(self, run_id: int) -> None:
        if found := self._held.get(run_id):
            found[0].over.set()

    def task_of(self, run_id: int) -> str | None:
        found = self._held.get(run_id)
        return found[0].task_id if found else None

    async def recheck(self, run_ids: Iterable[int]) -> None:
        """The database says that these are not ours, or not wanted, any more."""
        for run_id in run_ids:
            if found := self._held.get(run_id):
                await self._recheck(*found)

    async def _recheck(self, held: Held, task: "asyncio.Task[None]") -> None:
        answer = await self._engine.begin(held.run.job_id, held.run.stage, again=True)
        if answer == STALE:
            return
        if isinstance(answer, NotBegun):
            log.info("stage_lost", action="stage_lost", why=answer.why, **held.names())
            task.cancel()
        elif self._held.get(answer.id) != (held, task):  # it ended meanwhile
            await self._drop(answer)
        else:
            held.replace(answer)
            self._progress.know(answer)

    async def close(self) -> None:
        """Gives everything back in one call. Requests under way are finished and recorded first."""
        self._closing.set()
        held = [entry for entry, _ in self._held.values()]
        await end_tasks([task for _, task in self._held.values()])
        await self._posts.all_finished()
        self._dropped.extend(entry.run for entry in held)
        await self.give_back()
        log.info("runs_released", action="runs_released", runs=len(held))
