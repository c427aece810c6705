"""From nothing bought to one paid request sent, and its answer written down."""

from datetime import UTC, datetime, timedelta

import structlog

from worker.pipeline import other_key
from worker.pipeline.held import Held, Tools
from worker.pipeline.journal import content_of, digest_of, task_of
from worker.pipeline.order import order_of
from worker.pipeline.position import (
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
from worker.providers.failure import Failure, Kind, Next
from worker.providers.order import Step
from worker.providers.outcome import Accepted, Complete, Ready, Rejected, Unknown
from worker.providers.protocol import Done
from worker.telemetry.steps import step

# Without the provider's own word on it.
WAITS = {Kind.RATE_LIMITED: 2.0, Kind.NO_SLOT: 10.0, Kind.UNAVAILABLE: 15.0}
BUDGET_WAIT = 900.0
PAUSE_WAIT = 2.0  # where another worker's key may do, or the pause has just been lifted
# After its intent was written down. `begin_stage` counts on it.
SENT_WITHIN = timedelta(seconds=15)

log = structlog.get_logger()


async def submit(tools: Tools, held: Held, fresh: Fresh) -> Position | Ending:
    step = fresh.step or await next_step(tools, held, fresh.done)
    if not isinstance(step, Step):
        return step
    asked_at = datetime.now(UTC)
    n = await write_intent(tools, held, step)
    if not isinstance(n, int):
        return n
    if datetime.now(UTC) - asked_at > SENT_WITHIN:
        return await too_late(tools, held, n)
    return await tools.posts.finish(post(tools, held, step, n, fresh.done))


async def too_late(tools: Tools, held: Held, n: int) -> Ending:
    """The database took its time, or this process was frozen: others may think the request lost."""
    await tools.engine.record_refused(held.run, n, {"kind": "late"})
    return Wait("late", WAITS[Kind.UNAVAILABLE])


async def next_step(tools: Tools, held: Held, done: tuple[Done, ...]) -> Step | Ending:
    # The first request of a stage shows them: what it made is not lost when they are gone by then.
    pictures = () if done else await tools.read_pictures(held.run)
    if isinstance(pictures, Failure):
        return ending_of(pictures)
    order = order_of(held.run, pictures, moderation=held.run.settings["moderation"])
    match await tools.provider.prepare(order, done):
        case Ready(step):
            return step
        case Complete(output):
            return Finish(done, output, None)
        case Failure() as failure:
            return ending_of(failure)


async def write_intent(tools: Tools, held: Held, step: Step) -> int | Ending:
    """Committed before the request is sent: whoever comes after us knows that it may exist."""
    digest = digest_of(step)
    answer = await tools.engine.record_submitting(
        held.run, digest, content_of(step), step.expected_credits
    )
    match answer["outcome"]:
        case "ok":
            return int(answer["n"])
        case "unresolved" if is_our_intent(answer["submission"], digest):
            return int(answer["submission"]["n"])
        case "exhausted":
            return Fail(Failure(Kind.TASK_FAILED, "it failed as often as it may be tried"))
        case "paused" | "key_paused" as reason:
            return Wait(reason, PAUSE_WAIT)
        case "over_budget":
            return Wait("over_budget", BUDGET_WAIT)
        case _:
            return Leave()


def is_our_intent(submission: dict[str, object], digest: str) -> bool:
    """The answer to our own call was lost, and we repeated it: nothing has been sent yet.

    An intent of an earlier holder is no intent any more: `begin_stage` made it lost.
    """
    return submission["outcome"] == "intent" and submission["digest"] == digest


async def keep_id(
    tools: Tools, held: Held, n: int, task_id: str, credits_spent: float | None
) -> bool:
    """Whether a webhook about the task came first. What is paid for is at least in the log."""
    try:
        known = await tools.engine.record_submitted(held.run, n, task_id, credits_spent)
    except Exception:
        log.critical("id_not_kept", action="id_not_kept", task=task_id, n=n, **held.names())
        raise
    return bool(known["hint_seen"])


@step("submit")
async def post(
    tools: Tools, held: Held, step: Step, n: int, done: tuple[Done, ...]
) -> Position | Ending:
    sent_at = datetime.now(UTC)
    answer = await tools.provider.submit(step)
    match answer:
        case Accepted(task, credits_spent):
            hinted = await keep_id(tools, held, n, task.id, credits_spent)
            return Watched(n, step.name, task_of(content_of(step), task.id), done, hinted=hinted)
        case Rejected(failure):
            await tools.engine.record_refused(held.run, n, facts_of(failure))
            if failure.kind is Kind.NOT_FOUND and held.run.other_keys:
                return Wait("other_key", other_key.ASK_AGAIN_AFTER)  # what it builds on
            return ending_of(failure)
        case Unknown(failure):
            gave_up_at = datetime.now(UTC)
            await tools.engine.record_lost(held.run, n, facts_of(failure))
            return Lost(n, step, sent_at, gave_up_at, done)


def facts_of(failure: Failure) -> dict[str, object]:
    return {"kind": failure.kind, "code": failure.code, "detail": failure.detail[:2000]}


def ending_of(failure: Failure) -> Ending:
    """What follows when nothing was bought."""
    match failure.next:
        case Next.WAIT:
            return Wait(failure.kind, failure.retry_after or WAITS[failure.kind])
        case Next.PAUSE:
            return Pause(failure)
        case _:
            return Fail(failure)
