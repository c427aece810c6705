"""What is written down before a paid request is sent: enough to know its task again."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from worker.database.records import FinishedTask, Submission
from worker.providers.order import Step, Task
from worker.providers.outcome import Output, Succeeded
from worker.providers.protocol import Done

Json = Mapping[str, Any]


def content_of(step: Step) -> Json:
    return {"step": step.name, "resource": step.resource, "content": dict(step.content)}


def digest_of(step: Step) -> str:
    text = orjson.dumps([step.resource, dict(step.body)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()


def step_of(submission: Submission) -> Step:
    """The step as far as a search for its task needs it: it is never sent again from here."""
    written = submission.content
    return Step(
        name=written["step"], resource=written["resource"], body={}, content=written["content"]
    )


def task_of(written: Json, task_id: str) -> Task:
    return Task(resource=written["resource"], id=task_id)


def result_of(succeeded: Succeeded) -> Json:
    """Links are not kept: they die, and each delivery asks for fresh ones."""
    return {"facts": dict(succeeded.output.facts), "credits": succeeded.credits}


def done_of(task: FinishedTask) -> Done:
    return Done(
        step=task.content["step"],
        task=task_of(task.content, task.task_id),
        result=Succeeded(Output(facts=task.result["facts"]), task.result["credits"]),
    )
