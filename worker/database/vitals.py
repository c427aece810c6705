"""What operators are shown, asked of the database. Nothing here decides anything about a job."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from worker.database.connection import ANSWER_TIMEOUT, Pool

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Of a run that a worker has just left, and of its job."""

    state: str
    held_for: str | None
    asked_at: datetime | None
    placed_at: datetime | None
    begun_at: datetime | None
    ended_at: datetime | None
    job_created_at: datetime | None
    job_finished_at: datetime | None
    job_status: str | None
    error_code: str | None
    kind: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident of which something is to be told: that it began, that it is over, or both."""

    id: int
    kind: str
    subject: str
    detail: Json
    began_at: datetime
    over_at: datetime | None
    told: bool
    """That it began."""


class Vitals:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def samples(self) -> list[tuple[str, dict[str, str], float]]:
        return list(await self._ask("select meshqueue.vitals()"))

    async def times_of_run(self, run_id: int) -> Times | None:
        answer = await self._ask("select meshqueue.times_of_run(%s)", run_id)
        return None if answer is None else read_times(answer)

    async def fold_tallies(self) -> None:
        await self._ask("select meshqueue.fold_tallies()")

    async def measure_storage(self) -> None:
        """By whoever comes first, every quarter of an hour."""
        if await self._ask("select meshqueue.may_measure('stored_bytes')"):
            await self._ask("select meshqueue.measure_storage()")

    async def look_for_trouble(self, waiting_minutes: int, quota_bytes: int) -> None:
        query = "select meshqueue.look_for_trouble(%s, %s)"
        await self._ask(query, waiting_minutes, quota_bytes)

    async def claim_alarms(self, at_most: int) -> list[Alarm]:
        rows = await self._ask("select meshqueue.claim_alarms(%s)", at_most)
        return [read_alarm(row) for row in rows]

    async def alarm_told(self, alarm: Alarm) -> None:
        over = alarm.over_at is not None
        await self._ask("select meshqueue.alarm_told(%s, %s)", alarm.id, over)

    async def alarm_not_told(self, alarm: Alarm, not_before: float) -> None:
        query = "select meshqueue.alarm_not_told(%s, %s)"
        await self._ask(query, alarm.id, timedelta(seconds=not_before))

    async def _ask(self, query: str, *values: object) -> Any:
        async with asyncio.timeout(ANSWER_TIMEOUT), self._pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values)
            row = await cursor.fetchone()
        return None if row is None else row[0]


def read_times(answer: Json) -> Times:
    known = {field.name: answer[field.name] for field in fields(Times)}
    for name, value in known.items():
        if value and name.endswith("_at"):
            known[name] = datetime.fromisoformat(value)
    return Times(**known)


def read_alarm(row: Json) -> Alarm:
    return Alarm(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        detail=row["detail"],
        began_at=datetime.fromisoformat(row["began_at"]),
        over_at=datetime.fromisoformat(row["over_at"]) if row["over_at"] else None,
        told=row["told"],
    )
