"""What a run asks of its provider, read from the job's request. The database has checked it."""

from collections.abc import Mapping
from typing import Any

from worker.database.records import Run
from worker.providers.order import Order, Picture, Stage, Task

Json = Mapping[str, Any]


def order_of(run: Run, pictures: tuple[Picture, ...], *, moderation: bool) -> Order:
    request, stage = run.request, Stage(run.stage)
    refine = as_object(request.get("refine"))
    remesh = as_object(request.get("remesh"))
    return Order(
        stage=stage,
        prompt=request.get("prompt") or "",
        negative_prompt=request.get("negative_prompt") or "",
        art_style=request.get("art_style") or "",
        pictures=pictures,
        textured=request.get("refine") is not False,
        pbr=refine.get("enable_pbr") is True,
        texture_prompt=refine.get("texture_prompt") or "",
        polycount=polycount_of(remesh) if remeshes(run) else None,
        topology=(remesh.get("topology") or "triangle") if remeshes(run) else "triangle",
        formats=formats_of(run, remesh),
        moderation=moderation,
        source=source_of(run),
    )


def as_object(value: object) -> Json:
    """`true` asks for a thing as it comes."""
    return value if isinstance(value, Mapping) else {}


def wants_remesh(run: Run) -> bool:
    remesh = run.request.get("remesh")
    if isinstance(remesh, Mapping):
        return remesh.get("enabled") is not False
    return remesh is True


def remeshes(run: Run) -> bool:
    """Where the plan has no stage for it, the call that makes the model remeshes."""
    return wants_remesh(run) and (run.stage == "REMESH" or "REMESH" not in run.stages)


def polycount_of(remesh: Json) -> int | None:
    polycount = remesh.get("target_polycount")
    return None if polycount is None else int(polycount)


def formats_of(run: Run, remesh: Json) -> tuple[str, ...]:
    """Stages before the last ask for GLB alone: every format costs time."""
    if run.stage != last_paid_stage(run):
        return ("glb",)
    return ("glb", *(f for f in remesh.get("target_formats") or () if f != "glb"))


def last_paid_stage(run: Run) -> str:
    return [stage for stage in run.stages if stage != "DELIVER"][-1]


def source_of(run: Run) -> Task | None:
    """The first task of the stage before: its GLB. An inherited stage is in no plan of this job."""
    for stage in reversed(stages_before(run)):
        if tasks := run.finished[stage].get("tasks"):
            return Task(resource=tasks[0]["resource"], id=tasks[0]["id"])
    return None


PLAN = ("CONCEPT", "PREVIEW", "GENERATE", "REFINE", "REMESH", "RIG", "DELIVER")


def stages_before(run: Run) -> list[str]:
    """In the order in which stages follow each other in every plan."""
    return [stage for stage in PLAN[: PLAN.index(run.stage)] if stage in run.finished]
