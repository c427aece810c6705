"""What an alarm says: what is wrong, what it means, what to do."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from worker.database.vitals import Alarm

Detail = Mapping[str, Any]


def message_of(alarm: Alarm, place: str) -> str:
    begins, ends = WORDS.get(alarm.kind, UNKNOWN)
    name = f"meshqueue at {place}"
    if alarm.over_at is None:
        return f"{name}: {begins(alarm.subject, alarm.detail)}"
    lasted = in_words(alarm.over_at - alarm.began_at)
    if alarm.told:
        return f"{name}: {ends(alarm.subject)} It lasted {lasted}."
    return f"{name}: {begins(alarm.subject, alarm.detail)} It is over by now, after {lasted}."


def in_words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def provider_paused(provider: str, detail: Detail) -> str:
    reasons = detail["reasons"]
    extent = (
        f"{provider} is paused: its waiting jobs wait, new ones are refused."
        if detail["wholly"]
        else f"One key of {provider} is paused; workers with another key go on."
    )
    return " ".join([extent, *(remedy_of(reason, provider) for reason in reasons)])


def remedy_of(reason: str, provider: str) -> str:
    return REMEDIES.get(reason, reason).format(provider=provider)


REMEDIES = {
    "out_of_credit": "Its account has no credits left: top it up. It opens again by itself.",
    "unauthorised": "It refuses the key: give the worker a good one and start it again.",
    "operator": "An operator did that, and ends it with `meshqueue providers resume {provider}`.",
}


def deliveries_paused(_: str, detail: Detail) -> str:
    return (
        f"The storage takes nothing more ({detail['reason']}): finished models wait, none is lost. "
        "Make room or raise the plan; one delivery tries again every five minutes."
    )


def submission_lost(provider: str, detail: Detail) -> str:
    return (
        f"{detail['jobs']} paid request(s) to {provider} got no answer. They are looked for in its "
        f"own list and not sent again before. The first is of job {detail['first']}."
    )


def jobs_waiting(_: str, detail: Detail) -> str:
    return (
        f"The oldest of {detail['jobs']} waiting job(s) has waited {detail['minutes']} min, the "
        f"limit is {detail['limit']}. Are there workers, is a provider's limit of concurrent tasks "
        "too low, is something refused? `meshqueue jobs show` says what a job waits for."
    )


def storage_filling(_: str, detail: Detail) -> str:
    share = 100 * detail["bytes"] / detail["quota"]
    return (
        f"The storage is filled to {share:.0f} % of STORAGE_QUOTA_GB "
        f"({detail['bytes'] / 1e9:.2f} GB of {detail['quota'] / 1e9:.2f}). Without room "
        "deliveries wait. Delete assets, lower keep_original_days, or raise the plan and the quota."
    )


def restarts(what: str, detail: Detail) -> str:
    if what == "workers":
        return (
            f"{detail['times']} workers died within a quarter of an hour of their start. Their "
            "jobs go on elsewhere; the last lines of their logs say why."
        )
    return (
        f"Parts of a worker had to be started again {detail['times']} times in ten minutes. Look "
        "for `ended_by_fault` in its log."
    )


Begins = Callable[[str, Detail], str]
Ends = Callable[[str], str]

# Of a newer release's database.
UNKNOWN: tuple[Begins, Ends] = (
    lambda subject, detail: f"something is wrong: {subject} {dict(detail)}",
    lambda subject: f"it is over: {subject}",
)
WORDS: dict[str, tuple[Begins, Ends]] = {
    "provider_paused": (provider_paused, lambda provider: f"{provider} is open again."),
    "deliveries_paused": (deliveries_paused, lambda _: "The storage takes models again."),
    "submission_lost": (
        submission_lost,
        lambda provider: f"It is known what became of every paid request to {provider}.",
    ),
    "jobs_waiting": (jobs_waiting, lambda _: "No job waits too long any more."),
    "storage_filling": (storage_filling, lambda _: "The storage has room again."),
    "restarts": (restarts, lambda _: "The workers keep running again."),
}
