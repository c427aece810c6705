"""One stage of one job: from wherever it stands to its end."""

from datetime import UTC, datetime
from typing import assert_never

import structlog

from worker.pipeline.held import Held, Tools
from worker.pipeline.journal import done_of, step_of, task_of
from worker.pipeline.order import order_of
from worker.pipeline.position import (
    Drained,
    Ending,
    Fail,
    Finish,
    Fresh,
    Leave,
    Lost,
    Pause,
    Position,
    Wait,
    Watched,
)
from worker.pipeline.search import search
from worker.pipeline.submission import facts_of, submit
from worker.pipeline.watching import watch
from worker.providers.failure import Kind
from worker.providers.outcome import Output
from worker.providers.protocol import Done
from worker.providers.texts import explain
from worker.telemetry.steps import step

log = structlog.get_logger()


async def conduct(tools: Tools, held: Held) -> str:
    """Answers with the engine's word: 'draining' means that somebody must begin the run again."""
    position: Position | Ending = where(held)
    while isinstance(position, Fresh | Lost | Watched):
        done = position.done
        position = spared(tools, held, done, await next_position(tools, held, position))
    outcome = await conclude(tools, held, position)
    log.info(
        "stage_left",
        action="stage_left",
        how=type(position).__name__.lower(),
        outcome=outcome,
        **held.names(),
    )
    return outcome


def where(held: Held) -> Position | Ending:
    submission = held.run.submission
    done = tuple(done_of(task) for task in held.run.tasks)
    if submission is None:
        return Drained("absent") if held.draining else Fresh(done)
    if submission.task_id is not None:
        task = task_of(submission.content, submission.task_id)
        bought_at = submission.intent_at if submission.other_key else None
        step = submission.content["step"]
        return Watched(submission.n, step, task, done, other_key_since=bought_at)
    gave_up_at = submission.gave_up_at or datetime.now(UTC)
    return Lost(
        submission.n,
        step_of(submission),
        submission.intent_at,
        gave_up_at,
        done,
        other_key=submission.other_key,
    )


async def next_position(tools: Tools, held: Held, position: Position) -> Position | Ending:
    match position:
        case Fresh():
            return await submit(tools, held, position)
        case Lost():
            return await search(tools, held, position)
        case Watched():
            return await watch(tools, held, position)
    assert_never(position)


def spared(
    tools: Tools, held: Held, done: tuple[Done, ...], position: Position | Ending
) -> Position | Ending:
    """A further format that can't be had must not cost the model that it would be made from."""
    if not isinstance(position, Fail) or not done:
        return position
    order = order_of(held.run, (), moderation=held.run.settings["moderation"])
    left_out = tools.provider.formats_left(order, done)
    if not left_out:
        return position
    facts = {name: fact for each in done for name, fact in each.result.output.facts.items()}
    return Finish(done, Output(facts=facts), None, position.failure, left_out)


@step("finish")
async def conclude(tools: Tools, held: Held, ending: Ending) -> str:
    engine, run = tools.engine, held.run
    match ending:
        case Finish(failure=failure):
            why = None if failure is None else facts_of(failure)
            return await engine.finish(run, result_of(ending), ending.credits, why)
        case Fail(failure, task_ended):
            code, text = code_of(failure.kind), explain(failure)
            return await engine.fail(run, code, text, facts_of(failure), task_ended=task_ended)
        case Wait(reason, seconds):
            return await engine.wait(run, reason, seconds)
        case Pause():
            return await pause(tools, held, ending)
        case Drained(outcome, credits_spent):
            return await engine.end_draining(run, outcome, credits_spent)
        case Leave():
            return "left"
    assert_never(ending)


def result_of(finish: Finish) -> dict[str, object]:
    tasks = [
        {"step": done.step, "resource": done.task.resource, "id": done.task.id}
        for done in finish.done
    ]
    result: dict[str, object] = {"tasks": tasks, "facts": dict(finish.output.facts)}
    if finish.failure is not None:
        first, *others = finish.left_out
        told = [f"model as {first}: it was not made ({code_of(finish.failure.kind)})"]
        told += [f"model as {other}: it was not tried after {first}" for other in others]
        result["left_out"] = told
    return result


def code_of(kind: Kind) -> str:
    return "task_failed" if kind is Kind.TASK_FAILED_RETRYABLE else str(kind)


async def pause(tools: Tools, held: Held, ending: Pause) -> str:
    """An operator must act, or pay. The provider's waiting jobs wait, new ones are refused."""
    failure, provider = ending.failure, held.run.provider
    reason = "unauthorised" if failure.kind is Kind.UNAUTHORISED else "out_of_credit"
    log.error("provider_paused", action="provider_paused", provider=provider, reason=reason)
    fingerprint = tools.served.fingerprint
    await tools.engine.pause(provider, fingerprint, reason, facts_of(failure))
    return await tools.engine.wait(held.run, "paused", None)
