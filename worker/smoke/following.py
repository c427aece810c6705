"""A job's way to its end, told as it goes; who stops waiting leaves nothing that costs."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from worker.smoke.advice import LOOK
from worker.smoke.errors import SmokeError
from worker.smoke.project import Json
from worker.smoke.visitor import Visitor, app

SILENT_AT_MOST = 30.0  # s that a job may wait before a word about workers is due
CANCEL_TIMEOUT = 30.0

Say = Callable[[str, str], None]


async def follow(say: Say, visitor: Visitor, job: Json, minutes: float) -> Json:
    """The row of the job that succeeded."""
    follower = Follower(say, visitor, job)
    doubt = asyncio.create_task(follower.doubt())
    try:
        async with asyncio.timeout(minutes * 60):
            return await follower.end()
    except TimeoutError:
        why = f"{follower.status} after {minutes:g} minutes"
        raise SmokeError("work", why, follower.advice()) from None
    finally:
        doubt.cancel()
        await follower.leave()


class Follower:
    def __init__(self, say: Say, visitor: Visitor, job: Json) -> None:
        self.status: str = job["status"]
        self._say, self._visitor, self._job = say, visitor, job
        self._heard = False

    async def end(self) -> Json:
        with self._visitor.step("work", job=self._job["id"]):
            ended: Json = await app.watch_job(self._visitor.client, self._job["id"], self.see)
            app.succeeded(ended)
        told = "Realtime" if self._heard else "looking again and again; Realtime was silent"
        self._say("told by", told)
        return ended

    def see(self, row: Json) -> None:
        self.status = row["status"]
        self._heard = self._heard or self._visitor.hears()
        what = row["stage"] if self.status == "IN_PROGRESS" else self.status
        self._say("work", f"{what}, {row['progress']} %")

    async def doubt(self) -> None:
        await asyncio.sleep(SILENT_AT_MOST)
        if self.status == "QUEUED":
            self._say("work", f"still QUEUED. {self.advice()}")

    def advice(self) -> str:
        if self.status == "QUEUED":
            return f"Does a worker run (`meshqueue run`), and has it this provider's key? {LOOK}"
        return f"The provider is slow, or the worker died. {LOOK}"

    async def leave(self) -> None:
        if self.status in app.ENDED:
            return
        with suppress(app.JobError, TimeoutError):
            async with asyncio.timeout(CANCEL_TIMEOUT):
                canceled = await app.cancel_job(self._visitor.client, self._job["id"])
                self._say("cancel", f"the job is {canceled['status']}, its credits are back")
