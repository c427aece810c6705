"""What a job waits for at this moment, since when, and what an operator can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.operating.timeline import moment

Json = Mapping[str, Any]

START = "Start a worker with the key of {provider}: `meshqueue run`."
CANCEL = "`meshqueue jobs cancel {id}` ends it and releases its credits."
RETRY = "`meshqueue jobs retry {id}` makes a new job that doesn't pay again for finished stages."
WAITS = {
    "no_slot": "The provider has no free slot for us; somebody else may use the same account.",
    "rate_limited": "The provider asks us to slow down.",
    "unavailable": "The provider does not answer.",
    "over_budget": "Today's budget for this provider is spent (max_provider_credits_per_day_…).",
    "too_early": "A request got no answer; soon the provider's list can tell what came of it.",
    "late": "The database was too slow for a paid request; it is sent anew.",
    "key_paused": "One worker's key is paused; another worker is to take it.",
    "other_key": "It was bought with another worker's key, which must see it to its end.",
    "no_key": "The worker that took it has no key for this provider; another one is to take it.",
    "lagging": "The provider's list lags: it still shows the finished task as at work.",
    "no_model": "The provider says that its task has ended, and not yet where the model lies.",
    "fetch": "A file that the provider made could not be fetched.",
    "machine": "The worker's machine has no room or no memory; its log says which.",
    "storage": "The storage does not answer.",
    "storage_refuses": "The storage refuses our files; the worker's log and `doctor` say why.",
    "removing": "An earlier attempt's files are just being removed.",
}
REASONS = {
    "operator": "by an operator",
    "out_of_credit": "because its account has no money left",
    "unauthorised": "because it refuses a worker's key",
}


@dataclass(frozen=True, slots=True)
class Situation:
    waits_for: str
    """A word: over, slot, worker, provider_paused, deliveries_paused, held, provider, …"""
    text: str
    since: datetime | None
    next_steps: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def situation(found: Json) -> Situation:
    if found["job"]["finished_at"]:
        return over(found)
    run = next((run for run in found["runs"] if run["ended_at"] is None), None)
    if run is None:
        return waits_for_slot(found) if found["waiting"] else lost(found)
    match run["state"]:
        case "ready":
            return ready(found, run)
        case "held":
            return held(found, run)
        case _:
            return running(found, run)


def over(found: Json) -> Situation:
    job = found["job"]
    draining = next((run for run in found["runs"] if run["state"] == "draining"), None)
    text = f"The job is over: {job['status']}."
    if draining:
        text += (
            f" Its {draining['stage']} may still run at the provider and keeps its slot until then."
        )
    return Situation("over", text, moment(job["finished_at"]), after_the_end(found))


def after_the_end(found: Json) -> tuple[str, ...]:
    if found["retried_by"]:
        return (f"It was tried again: `meshqueue jobs show {found['retried_by']}`.",)
    return () if found["job"]["status"] == "SUCCEEDED" else (step(RETRY, found),)


def waits_for_slot(found: Json) -> Situation:
    waiting, pool = found["waiting"], found["pool"]
    since = moment(waiting["since"])
    if found["provider"]["paused_since"]:
        return paused(found)
    if not found["provider"]["admits"]:
        text = WAITS["over_budget"]
        return Situation(
            "budget", text, since, ("It goes on at midnight UTC.", step(CANCEL, found))
        )
    if not found["provider"]["workers"]:
        return no_worker(found, since)
    text = (
        f"Waits for a slot of {pool['name']}: {pool['taken']} of {pool['limit']} are taken, "
        f"and it is number {waiting['position']} in the queue."
    )
    raise_limit = (
        f"More slots: the setting {pool['setting']}, up to what the provider's plan allows."
    )
    return Situation("slot", text, since, (raise_limit, step(CANCEL, found)))


def paused(found: Json) -> Situation:
    pauses, provider = found["provider"]["pauses"], found["job"]["provider"]
    told = pauses[0]
    why = REASONS[told["reason"]] + (f" ({told['note']})" if told["note"] else "")
    ways = {
        "operator": f"`meshqueue providers resume {provider.lower()}` lets it go on.",
        "out_of_credit": "Top up the provider's account; its balance is asked for every 5 minutes.",
        "unauthorised": "Give the workers a key that is valid, and start them again.",
    }
    return Situation(
        "provider_paused",
        f"{provider} is paused {why}.",
        moment(found["provider"]["paused_since"]),
        (ways[told["reason"]], step(CANCEL, found)),
    )


def no_worker(found: Json, since: datetime | None) -> Situation:
    text = f"No living worker serves {found['job']['provider']}."
    return Situation("worker", text, since, (step(START, found), step(CANCEL, found)))


def ready(found: Json, run: Json) -> Situation:
    since = moment(run["wake_at"] or run["created_at"])
    if not found["provider"]["workers"]:
        return no_worker(found, since)
    if run["pool"] and found["provider"]["paused_since"]:
        return paused(found)
    text = f"{run['stage']} may begin; a worker is to take it from the queue."
    return Situation("worker", text, since, ("All workers busy? See `meshqueue top`.",))


def held(found: Json, run: Json) -> Situation:
    match run["held_for"]:
        case "paused" if found["provider"]["pauses"]:
            return paused(found)
        case "storage_full" if found["deliveries_paused"]:
            return storage_full(found)
        case reason:
            text = WAITS.get(reason, f"{run['stage']} is put off: {reason}.")
            again = f" It is tried again at {clock(run['wake_at'])}." if run["wake_at"] else ""
            return Situation("held", text + again, None, (step(CANCEL, found),))


def clock(text: str) -> str:
    return f"{moment(text).astimezone(UTC):%H:%M:%S} UTC"


def storage_full(found: Json) -> Situation:
    pause = found["deliveries_paused"]
    text = f"The storage takes nothing more ({pause['reason']}); what is paid for waits."
    make_room = "Make room, or enlarge the plan: one delivery tries it every 5 minutes."
    return Situation("deliveries_paused", text, moment(pause["since"]), (make_room,))


def running(found: Json, run: Json) -> Situation:
    worker = run["worker"]
    if worker is None or not worker["lives"]:
        return worker_gone(found, run)
    where = f"{worker['host']} (pid {worker['pid']})"
    since = moment(run["begun_at"]) if run["begun_at"] else None
    if run["stage"] == "DELIVER":
        text = f"The worker on {where} fetches, checks, makes small and stores the files."
        return Situation("delivery", text, since, (step(CANCEL, found),))
    kind, text = submitted(found, run)
    return Situation(
        kind, f"{text} Watched by the worker on {where}.", since, (step(CANCEL, found),)
    )


def worker_gone(found: Json, run: Json) -> Situation:
    seen = run["worker"]["seen_at"] if run["worker"] else None
    if not found["provider"]["workers"]:
        return no_worker(found, moment(seen) if seen else None)
    text = f"The worker that held {run['stage']} is gone; another takes over within a minute."
    return Situation("rescue", text, moment(seen) if seen else None, ())


def submitted(found: Json, run: Json) -> tuple[str, str]:
    own = [sent for sent in found["submissions"] if sent["stage"] == run["stage"]]
    provider = found["job"]["provider"]
    match own[-1]["outcome"] if own else None:
        case "intent":
            return "submission", f"The paid request for {run['stage']} is on its way to {provider}."
        case "lost":
            return "reconciliation", (
                f"No answer came to the paid request for {run['stage']}. It is looked for in "
                f"{provider}'s own list before anything is sent again."
            )
        case "accepted":
            return "provider", f"{provider} works on {run['stage']} ({run['progress']} %)."
        case _:
            return "preparation", f"{run['stage']} is being prepared."


def lost(found: Json) -> Situation:
    text = "Nothing of it waits or runs, which must not be."
    look = "`meshqueue credits audit` looks for more of the kind."
    return Situation("nothing", text, None, (look, step(CANCEL, found)))


def step(text: str, found: Json) -> str:
    return text.format(id=found["job"]["id"], provider=found["job"]["provider"])
