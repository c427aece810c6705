"""When each stage of a job waited, and when it ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StageTime:
    """`state`: a run's own, or `waiting` (for a slot), `inherited`, `open` (not yet its turn)."""

    stage: str
    state: str
    waits_since: datetime | None = None
    ran_since: datetime | None = None
    until: datetime | None = None
    """Null while it goes on."""
    waited_seconds: float | None = None
    ran_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Timeline:
    began: datetime
    ended: datetime
    """Of the whole job; now, while it lives."""
    stages: tuple[StageTime, ...]


def timeline(found: Json) -> Timeline:
    """Of a dossier. A stage waits from the end of the one before it until a worker begins it."""
    job, now = found["job"], moment(found["now"])
    over = moment(job["finished_at"]) if job["finished_at"] else now
    runs = {run["stage"]: run for run in found["runs"]}
    own = set(job["stages"])
    told = [inherited(run) for run in found["runs"] if run["stage"] not in own]
    ready = moment(job["created_at"])
    for stage in job["stages"]:
        told.append(stage_time(stage, runs.get(stage), found["waiting"], ready, over))
        ready = told[-1].until or over
    return Timeline(moment(job["created_at"]), over, tuple(told))


def inherited(run: Json) -> StageTime:
    ran = seconds(moment(run["begun_at"]), moment(run["ended_at"])) if run["begun_at"] else None
    return StageTime(run["stage"], "inherited", ran_seconds=ran)


def stage_time(
    stage: str, run: Json | None, waiting: Json | None, ready: datetime, over: datetime
) -> StageTime:
    if run is None:
        if waiting is None or waiting["stage"] != stage:
            return StageTime(stage, "open")
        return StageTime(stage, "waiting", ready, waited_seconds=seconds(ready, over))
    begun = moment(run["begun_at"]) if run["begun_at"] else None
    ended = moment(run["ended_at"]) if run["ended_at"] else None
    last = ended or over
    return StageTime(
        stage,
        run["state"],
        ready,
        begun,
        ended,
        waited_seconds=seconds(ready, begun or last),
        ran_seconds=None if begun is None else seconds(begun, last),
    )


def seconds(start: datetime, end: datetime) -> float:
    return round(max((end - start).total_seconds(), 0), 3)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
