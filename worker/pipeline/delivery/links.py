"""Where the provider keeps a job's files at this moment."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.database.records import Run
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import GiveUp, Later, is_last_call
from worker.pipeline.order import stages_before
from worker.pipeline.other_key import ASK_AGAIN_AFTER as OTHER_KEY
from worker.providers.failure import Failure, Kind
from worker.providers.order import Task
from worker.providers.outcome import (
    Canceled,
    Failed,
    Link,
    Output,
    State,
    Succeeded,
    Unseen,
    Working,
)
from worker.providers.protocol import Provider

ASK_AGAIN_AFTER = 10.0  # s, without the provider's own word on it
NO_MODEL = "no_model"  # the engine counts how often a delivery waits for that
# Tries, in 40 minutes (60 after an outage): somebody waits for the model, or for the credits.
LAGS_AT_MOST = 12
NOT_FOUND_TWICE_WITHIN = 10.0  # s
MODEL = ("model", "glb")
FORMAT = re.compile(r"[a-z0-9]{2,8}")


@dataclass(frozen=True, slots=True)
class Links:
    links: tuple[Link, ...]
    facts: Mapping[str, Any]


async def fresh_links(depot: Depot, run: Run) -> Links | Later | GiveUp:
    served = depot.served.get(run.provider)
    if served is None:
        return Later("no_key", ASK_AGAIN_AFTER, f"this worker has no key for {run.provider}")
    found: list[Output] = []
    for tasks in stages_to_deliver(run):
        outputs = await look_at_all(served.provider, tasks)
        if not isinstance(outputs, list):
            return unless_unseen(outputs, run, tasks)
        found += outputs
        if any(is_model(link) for output in outputs for link in output.links):
            break
    links = merged(found)
    return links if any(map(is_model, links.links)) else without_model(run)


def stages_to_deliver(run: Run) -> Iterator[tuple[Task, ...]]:
    """Tasks of those that ended well, the last first: one without a model adds to another's."""
    for stage in reversed(stages_before(run)):
        if tasks := run.finished[stage].get("tasks"):
            yield tuple(Task(task["resource"], task["id"]) for task in tasks)


async def look_at_all(provider: Provider, tasks: tuple[Task, ...]) -> list[Output] | Later | GiveUp:
    outputs = []
    for task in tasks:
        match await look(provider, task):
            case Succeeded(output):
                outputs.append(output)
            case Failed(failure):
                return GiveUp(failure)
            case Unseen(failure):  # a page of somebody between, say: the files lie there for days
                return Later(failure.kind, failure.retry_after or ASK_AGAIN_AFTER, failure.detail)
            case Working():  # it has ended, or we would not be here: what answers lags
                return Later("lagging", ASK_AGAIN_AFTER, "the provider says that it still works")
            case Canceled():
                return GiveUp(Failure(Kind.TASK_FAILED, "the task has no result any more"))
    return outputs


async def look(provider: Provider, task: Task) -> State:
    """Twice where it is not found: a gateway's 404 must not end what is paid for."""
    state = await provider.look(task)
    if isinstance(state, Failed) and state.failure.kind is Kind.NOT_FOUND:
        await asyncio.sleep(NOT_FOUND_TWICE_WITHIN)
        return await provider.look(task)
    return state


def unless_unseen(ending: Later | GiveUp, run: Run, tasks: tuple[Task, ...]) -> Later | GiveUp:
    """Of a task that another worker's key bought, `not found` says only that ours can't see it."""
    if isinstance(ending, Later) or ending.failure.kind is not Kind.NOT_FOUND:
        return ending
    if run.other_keys.isdisjoint(task.id for task in tasks):
        return ending
    return Later("other_key", OTHER_KEY, "another worker's key bought it")


def is_safe(link: Link) -> bool:
    """It becomes the ending of a file's name, here and in the storage."""
    return FORMAT.fullmatch(link.format) is not None


def is_model(link: Link) -> bool:
    return (link.role, link.format) == MODEL


def without_model(run: Run) -> Later | GiveUp:
    """A replica that lags may know the end of a task before what it made, for a while."""
    failure = Failure(Kind.TASK_FAILED, "the provider made no GLB")
    if run.retries >= LAGS_AT_MOST or is_last_call(run.deadline_at):
        return GiveUp(failure)
    return Later(NO_MODEL, ASK_AGAIN_AFTER, failure.detail)


def merged(outputs: list[Output]) -> Links:
    links: dict[tuple[str, str], Link] = {}
    facts: dict[str, Any] = {}
    for output in outputs:
        facts.update(output.facts)
        for link in filter(is_safe, output.links):
            links.setdefault((link.role, link.format), link)
    return Links(tuple(links.values()), facts)
