"""The task as GET and batch requests show it, and the lines of the usage list."""

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker.simulator.plan import Phase
from worker.simulator.task import Task

if TYPE_CHECKING:
    from worker.simulator.tripo.provider import Tripo

STATUS = {
    Phase.PENDING: "queued",
    Phase.RUNNING: "running",
    Phase.SUCCEEDED: "success",
    Phase.FAILED: "failed",
    Phase.CANCELED: "cancelled",
    Phase.EXPIRED: "failed",  # with error_code 2018
}
PICTURE = "rendered_image.png"


def shown(tripo: "Tripo", task: Task, now: float) -> dict[str, Any]:
    moment = task.at(now)
    error = task.error if moment.phase.ended else None
    return {
        "task_id": task.id,
        "type": task.kind,
        "status": STATUS[moment.phase],
        "progress": moment.progress,
        "input": dict(task.body),
        "output": output(tripo, task, now),
        "credits_consumed": consumed(task, now),
        "created_at": iso(task.plan.created),
        "completed_at": iso(task.plan.finished) if moment.phase.ended else None,
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
    }


def usage(task: Task, now: float) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "type": task.kind,
        "status": STATUS[task.phase(now)],
        "credits_consumed": consumed(task, now),
        "created_at": iso(task.plan.created),
    }


def consumed(task: Task, now: float) -> float:
    """Credits are only frozen until the task succeeds."""
    return task.price if task.phase(now) is Phase.SUCCEEDED else 0


def output(tripo: "Tripo", task: Task, now: float) -> dict[str, Any]:
    if task.phase(now) is not Phase.SUCCEEDED:
        return {}
    if task.resource == "rig-check":
        riggable = bool(task.facts["riggable"])
        skeleton = "biped" if riggable else None
        return {"riggable": riggable, "rig_type": skeleton, "topology": skeleton}
    urls = [tripo.link(task, f"model.{format_}") for format_ in task.product.formats]
    made = {"model_url": urls[0], "model_urls": urls} if urls else {}
    picture = {"rendered_image_url": tripo.link(task, PICTURE)}
    rig = {"rig_type": task.facts["rig_type"]} if task.resource == "rig" else {}
    return {**made, **picture, **rig}


def iso(when: float) -> str | None:
    if when == math.inf:
        return None
    text = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
