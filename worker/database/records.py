"""What the engine answers, as records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submission:
    """A paid request whose task has not ended, or may exist."""

    n: int
    outcome: str
    task_id: str | None
    digest: str
    content: Json
    intent_at: datetime
    gave_up_at: datetime | None
    other_key: bool
    """Another worker's key bought it: ours may not see it."""


@dataclass(frozen=True, slots=True)
class FinishedTask:
    """An earlier task of the same stage, which ended well."""

    n: int
    task_id: str
    content: Json
    result: Json


@dataclass(frozen=True, slots=True)
class Run:
    """One stage of one job in this worker's hands. `id` and `attempt` are the fence."""

    id: int
    attempt: int
    retries: int
    """Paid ones; of a delivery, how often its task had ended and showed no model."""
    job_id: UUID
    user_id: UUID
    asset_id: UUID | None
    client_task_id: str | None
    provider: str
    stage: str
    stages: tuple[str, ...]
    """These and the next two are empty where the job's row is gone, and only its task drains."""
    kind: str
    request: Json
    draining: bool
    submission: Submission | None
    tasks: tuple[FinishedTask, ...]
    finished: Mapping[str, Json]
    other_keys: frozenset[str]
    """The job's tasks that another worker's key bought."""
    settings: Json
    """moderation, optimise_preset, keep_original_days, deliver_best: as they are now."""
    probe: bool = False
    """Deliveries are paused, and this one tries whether the storage has room again."""
    deadline_at: datetime | None = None
    """Of the job, as it was when the run was begun."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    bucket: str
    path: str


@dataclass(frozen=True, slots=True)
class FileToShow:
    """A file of an asset that is published, or taken back."""

    bucket: str
    path: str
    role: str
    format: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Publication:
    """A wish to fulfil. Where `wanted`, each of `files` is copied to its place in `copies`.

    The first file of a role is the one that the asset's URL shows.
    """

    asset_id: UUID
    user_id: UUID
    wanted: bool
    version: int
    files: tuple[FileToShow, ...]
    copies: tuple[StoredObject, ...]


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Why this worker may not have the run now: over, busy, early, paused and so on."""

    why: str


def read_run(answer: Json) -> Run | NotBegun:
    if answer["outcome"] not in ("begun", "draining"):
        return NotBegun(answer["outcome"])
    return Run(
        id=answer["run"],
        attempt=answer["attempt"],
        retries=answer["retries"],
        job_id=UUID(answer["job_id"]),
        user_id=UUID(answer["user_id"]),
        asset_id=UUID(answer["asset_id"]) if answer["asset_id"] else None,
        client_task_id=answer["client_task_id"],
        provider=answer["provider"],
        stage=answer["stage"],
        stages=tuple(answer["stages"] or ()),
        kind=answer["kind"] or "",
        request=answer["request"] or {},
        draining=answer["outcome"] == "draining",
        submission=read_live_submission(answer["submission"]),
        tasks=tuple(read_task(task) for task in answer["tasks"]),
        finished=answer["finished"],
        other_keys=frozenset(answer["other_keys"]),
        settings=answer["settings"],
        probe=answer["probe"],
        deadline_at=moment(answer["deadline_at"]),
    )


def read_objects(rows: Iterable[Json]) -> tuple[StoredObject, ...]:
    return tuple(StoredObject(row["bucket"], row["path"]) for row in rows)


def read_publication(answer: Json) -> Publication:
    return Publication(
        asset_id=UUID(answer["asset"]),
        user_id=UUID(answer["user_id"]),
        wanted=answer["wanted"],
        version=answer["version"],
        files=tuple(FileToShow(**file) for file in answer["files"]),
        copies=read_objects(answer["copies"]),
    )


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


LIVE = ("intent", "accepted", "lost")


def read_live_submission(answer: Json | None) -> Submission | None:
    if answer is None or answer["outcome"] not in LIVE:
        return None
    return Submission(
        n=answer["n"],
        outcome=answer["outcome"],
        task_id=answer["task_id"],
        digest=answer["digest"],
        content=answer["content"],
        intent_at=datetime.fromisoformat(answer["intent_at"]),
        gave_up_at=moment(answer["gave_up_at"]),
        other_key=answer["other_key"],
    )


def read_task(answer: Json) -> FinishedTask:
    return FinishedTask(
        n=answer["n"],
        task_id=answer["task_id"],
        content=answer["content"],
        result=answer["result"],
    )
