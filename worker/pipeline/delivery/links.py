"""Where the provider keeps a job's files at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worker.database.records import Run
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import GiveUp, Later
from worker.pipeline.order import stages_before
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Task
from worker.providers.outcome import Canceled, Failed, Link, Output, Succeeded, Unseen, Working

ASK_AGAIN_AFTER = 10.0  # s, without the provider's own word on it
MODEL = ("model", "glb")


@dataclass(frozen=True, slots=True)
class Links:
    links: tuple[Link, ...]
    facts: Mapping[str, Any]


async def fresh_links(depot: Depot, run: Run) -> Links | Later | GiveUp:
    served = depot.served.get(run.provider)
    if served is None:
        return Later("no_key", ASK_AGAIN_AFTER, f"this worker has no key for {run.provider}")
    outputs = []
    for task in tasks_to_deliver(run):
        match await served.provider.look(task):
            case Succeeded(output):
                outputs.append(output)
            case Failed(failure) | Unseen(failure):
                return ending_of(failure)
            case Working() | Canceled():
                return GiveUp(Failure(Kind.TASK_FAILED, "the task has no result any more"))
    return merged(outputs)


def tasks_to_deliver(run: Run) -> tuple[Task, ...]:
    """Those of the last stage that ended well."""
    for stage in reversed(stages_before(run)):
        if tasks := run.finished[stage].get("tasks"):
            return tuple(Task(task["resource"], task["id"]) for task in tasks)
    return ()


def ending_of(failure: Failure) -> Later | GiveUp:
    """A provider that is paused or out of reach still has what was paid for."""
    if failure.next in (Next.WAIT, Next.PAUSE):
        return Later(failure.kind, failure.retry_after or ASK_AGAIN_AFTER, failure.detail)
    return GiveUp(failure)


def merged(outputs: list[Output]) -> Links | GiveUp:
    links: dict[tuple[str, str], Link] = {}
    facts: dict[str, Any] = {}
    for output in outputs:
        facts.update(output.facts)
        for link in output.links:
            links.setdefault((link.role, link.format), link)
    if MODEL not in links:
        return GiveUp(Failure(Kind.TASK_FAILED, "the provider made no GLB"))
    return Links(tuple(links.values()), facts)
