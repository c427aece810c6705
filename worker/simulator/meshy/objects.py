"""The task object, as GET, list, webhook and the last frame of a stream show it."""

from typing import TYPE_CHECKING, Any

from worker.simulator.meshy import errors
from worker.simulator.plan import Phase
from worker.simulator.task import Task

if TYPE_CHECKING:
    from worker.simulator.meshy.provider import Meshy

STATUS = {
    Phase.PENDING: "PENDING",
    Phase.RUNNING: "IN_PROGRESS",
    Phase.SUCCEEDED: "SUCCEEDED",
    Phase.FAILED: "FAILED",
    Phase.CANCELED: "CANCELED",
    Phase.EXPIRED: "EXPIRED",
}
RETENTION_SECONDS = 3 * 86_400
VIEWS = ("front", "right", "back", "left")
RIG_FILES = ("rigged_character_glb", "rigged_character_fbx")
RIG_ANIMATIONS = (
    "walking_glb",
    "walking_fbx",
    "walking_armature_glb",
    "running_glb",
    "running_fbx",
    "running_armature_glb",
)


def brief(task: Task, now: float) -> dict[str, Any]:
    moment = task.at(now)
    return {"id": task.id, "progress": moment.progress, "status": STATUS[moment.phase]}


def whole(provider: "Meshy", task: Task, now: float) -> dict[str, Any]:
    moment = task.at(now)
    return {
        "id": task.id,
        "type": task.kind,
        "status": STATUS[moment.phase],
        "progress": moment.progress,
        "preceding_tasks": moment.ahead,
        **_times(task, now),
        **task.echo,
        **_results(provider, task, moment.phase),
        "task_error": _error(provider, task, moment.phase),
        "consumed_credits": _number(task.price - task.refunded),
    }


def expires(task: Task) -> float:
    return task.plan.finished + RETENTION_SECONDS


def file_names(task: Task) -> dict[str, str]:
    """What can be downloaded of it: the file's name, and the key that shows it."""
    product = task.product
    formats = [*product.formats, *(["mtl"] if "obj" in product.formats else [])]
    extra = ["pre_remeshed_glb"] if task.body.get("save_pre_remeshed_model") else []
    return {f"model.{format_}": format_ for format_ in formats} | {
        f"{name.removesuffix('_glb')}.glb": name for name in extra
    }


def texture_file(role: str) -> str:
    return f"texture_{role}.{'jpg' if role == 'base_color' else 'png'}"


def _times(task: Task, now: float) -> dict[str, int]:
    plan = task.plan
    finished = _milliseconds(plan.finished, now)
    return {
        "created_at": _milliseconds(plan.created, now),
        "started_at": _milliseconds(plan.started, now),
        "finished_at": finished,
        "expires_at": finished + RETENTION_SECONDS * 1000 if finished else 0,
    }


def _milliseconds(when: float, now: float) -> int:
    return int(when * 1000) if when <= now else 0


def _number(amount: float) -> int | float:
    return int(amount) if amount == int(amount) else amount


def _error(provider: "Meshy", task: Task, phase: Phase) -> dict[str, Any] | None:
    if task.error is not None and phase.ended:
        return errors.shown(task.error)
    if provider.dialect.null_task_error or task.resource == "remesh":
        return None
    return {"message": ""}


def _results(provider: "Meshy", task: Task, phase: Phase) -> dict[str, Any]:
    done = phase is Phase.SUCCEEDED
    if task.resource == "rigging":
        return {"result": _rig(provider, task) if done else None}
    if not done:
        return {"model_urls": {}, "texture_urls": [], "thumbnail_url": "", "video_url": None}
    return {
        "model_urls": {key: provider.link(task, name) for name, key in file_names(task).items()},
        "texture_urls": _textures(provider, task),
        "thumbnail_url": provider.link(task, "preview.png"),
        "video_url": None,
        **_more_thumbnails(provider, task),
    }


def _textures(provider: "Meshy", task: Task) -> list[dict[str, str]] | dict[str, str]:
    maps = list(task.product.maps)
    if task.kind == "text-to-3d-preview" and provider.dialect.preview_base_color:
        maps = ["base_color"]
    if task.facts.get("emission"):
        maps.append("emission")
    if not maps:
        return []
    links = {role: provider.link(task, texture_file(role)) for role in maps}
    return links if provider.dialect.textures_as_object else [links]


def _more_thumbnails(provider: "Meshy", task: Task) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if task.body.get("alpha_thumbnail"):
        more["alpha_thumbnail_url"] = provider.link(task, "alpha_preview.png")
    if task.body.get("multi_view_thumbnails"):
        more["thumbnail_urls"] = {view: provider.link(task, f"{view}.png") for view in VIEWS}
    return more


def rig_files() -> dict[str, str]:
    """The file of each key of a rig's result."""
    keys = (*RIG_FILES, *RIG_ANIMATIONS)
    return {"{0}.{2}".format(*key.rpartition("_")): key for key in keys}


def _rig(provider: "Meshy", task: Task) -> dict[str, Any]:
    links = {key: provider.link(task, name) for name, key in rig_files().items()}
    return {
        **{f"{key}_url": links[key] for key in RIG_FILES},
        "basic_animations": {f"{key}_url": links[key] for key in RIG_ANIMATIONS},
    }
