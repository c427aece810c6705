"""From a task that the provider has accepted to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import structlog

from worker.ending import end_tasks
from worker.pipeline.held import Held, Tools
from worker.pipeline.journal import result_of
from worker.pipeline.other_key import leave_to_its_key
from worker.pipeline.position import (
    Drained,
    Ending,
    Fail,
    Finish,
    Fresh,
    Leave,
    Pause,
    Position,
    Watched,
)
from worker.pipeline.submission import facts_of, next_step
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Step
from worker.providers.outcome import (
    Canceled,
    Failed,
    NotStopped,
    State,
    Succeeded,
    Unseen,
    Withdrawn,
    Working,
)
from worker.providers.protocol import Done
from worker.telemetry.steps import step

NOT_FOUND_TWICE_WITHIN = 10.0  # s

log = structlog.get_logger()


@step("watch")
async def watch(tools: Tools, held: Held, watched: Watched) -> Position | Ending:
    held.task_id = watched.task.id
    end = await see_end(tools, held, watched)
    if not isinstance(end, Succeeded | Failed | Canceled):
        return end
    if watched.other_key_since and is_not_found(end):
        return await leave_to_its_key(held, watched.other_key_since, drained_by(end))
    if held.draining:
        return drained_by(end)
    return await follow(tools, held, watched, end)


async def see_end(
    tools: Tools, held: Held, watched: Watched
) -> Succeeded | Failed | Canceled | Ending:
    if watched.hinted and (end := note(tools, held, await tools.provider.look(watched.task))):
        return end  # a webhook about it was quicker than the answer to its request
    async with aclosing(tools.provider.watch(watched.task)) as states:
        stopping = asyncio.create_task(stop_when_over(tools, held, watched))
        try:
            return await first_end(tools, held, states, stopping)
        finally:
            await end_tasks([stopping])


async def first_end(
    tools: Tools,
    held: Held,
    states: AsyncIterator[State],
    stopping: "asyncio.Task[Drained | None]",
) -> Succeeded | Failed | Canceled | Ending:
    """The task's own end, or its withdrawal, whichever is known first."""
    watching = asyncio.create_task(own_end(tools, held, states))
    try:
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done() and (withdrawn := stopping.result()):
            return withdrawn
        return await watching
    finally:
        await end_tasks([watching])  # a generator can't be closed within its last step


async def own_end(
    tools: Tools, held: Held, states: AsyncIterator[State]
) -> Succeeded | Failed | Canceled | Pause:
    async for state in states:
        if end := note(tools, held, state):
            return end
    raise RuntimeError("the provider was closed while its task was watched")


def note(tools: Tools, held: Held, state: State) -> Succeeded | Failed | Canceled | Pause | None:
    match state:
        case Working(progress):
            tools.progress.tick(held.run, progress)
        case Unseen(failure) if failure.next is Next.PAUSE and not held.draining:
            return Pause(failure)
        case Unseen(failure):
            log.info("task_unseen", action="task_unseen", run=held.run.id, code=failure.code)
        case Succeeded() | Failed() | Canceled():
            return state
    return None


async def stop_when_over(tools: Tools, held: Held, watched: Watched) -> Drained | None:
    """Withdraws the task when its job has ended. None: it goes on, and is seen to its end."""
    await held.over.wait()
    match await tools.provider.cancel(watched.task):
        case Withdrawn():
            return Drained("canceled", 0)
        case NotStopped(failure):
            log.info(
                "task_not_stopped",
                action="task_not_stopped",
                run=held.run.id,
                code=failure.code if failure else "",
            )
            return None


def is_not_found(end: Succeeded | Failed | Canceled) -> bool:
    return isinstance(end, Failed) and end.failure.kind is Kind.NOT_FOUND


def drained_by(end: Succeeded | Failed | Canceled) -> Drained:
    outcome = {Succeeded: "succeeded", Failed: "failed", Canceled: "canceled"}[type(end)]
    return Drained(outcome, end.credits)


async def follow(
    tools: Tools, held: Held, watched: Watched, end: Succeeded | Failed | Canceled
) -> Position | Ending:
    match end:
        case Succeeded():
            return await after_success(tools, held, watched, end)
        case Failed(failure) if failure.next is Next.RETRY:
            return await try_again(tools, held, watched, failure)
        case Failed(failure) if failure.kind is Kind.NOT_FOUND:
            return await look_twice(tools, watched, failure)
        case Failed(failure):
            return Fail(failure)
        case Canceled():
            return Fail(Failure(Kind.TASK_FAILED, "the provider says that the task was canceled"))


async def look_twice(tools: Tools, watched: Watched, failure: Failure) -> Position | Ending:
    """A gateway's or a lagging replica's 404 must not end a task that is paid for."""
    await asyncio.sleep(NOT_FOUND_TWICE_WITHIN)
    match await tools.provider.look(watched.task):
        case Failed(again) if again.kind is Kind.NOT_FOUND:
            return Fail(failure)
        case _:
            return watched


async def after_success(
    tools: Tools, held: Held, watched: Watched, end: Succeeded
) -> Position | Ending:
    """Some stages need another task after this one; it is prepared before this one is let go."""
    done = (*watched.done, Done(watched.step, watched.task, end))
    step = await next_step(tools, held, done)
    if isinstance(step, Finish):
        return Finish(step.done, step.output, end.credits)
    outcome = await tools.engine.finish_task(held.run, watched.n, result_of(end), end.credits)
    if outcome != "ok":
        return Leave()
    return Fresh(done, step) if isinstance(step, Step) else step


async def try_again(
    tools: Tools, held: Held, watched: Watched, failure: Failure
) -> Position | Ending:
    match await tools.engine.retry(held.run, watched.n, facts_of(failure)):
        case "ok":
            return Fresh(watched.done)
        case "exhausted":
            return Fail(failure)
        case _:
            return Leave()
