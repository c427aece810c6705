"""Everything about one job, on a screen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from worker.cli._text.tables import Table, columns, named
from worker.cli._text.words import ago, clock, number, one_line, span, stamp, with_local
from worker.operating.dossier import Dossier
from worker.operating.situation import Situation
from worker.operating.timeline import StageTime, Timeline

Json = Mapping[str, Any]

BAR = 40
WAITED, RAN, BEFORE = "░", "█", " "


def job_parts(dossier: Dossier, *, local: bool) -> tuple[Table | str, ...]:
    found = dossier.found
    return (
        headline(found),
        "",
        stage_table(dossier.timeline),
        *now(dossier.situation, found, local=local),
        submission_table(found["submissions"]),
        event_table(found["events"]),
        file_table(found["files"]),
        ledger_table(found["ledger"]),
        *([incident_table(found["incidents"])] if found["incidents"] else []),
    )


def headline(found: Json) -> str:
    job = found["job"]
    return named(
        (
            ("job", job["id"]),
            ("status", status_text(job)),
            ("asked for", job["request_payload"].get("prompt") or job["kind"]),
            ("user", f"{found['email'] or 'no e-mail'} ({job['user_id']})"),
            ("provider", f"{job['provider']}, {job['kind']}: {' → '.join(job['stages'])}"),
            ("credits", number(job["credits_cost"])),
            ("error", f"{job['error_code']}: {job['error_message']}" if job["error_code"] else ""),
            ("group", job["client_task_id"]),
            ("asset", job["asset_id"]),
            ("retry of", job["retry_of"]),
            ("retried by", found["retried_by"]),
            ("created", created_text(job)),
        )
    )


def status_text(job: Json) -> str:
    return f"{job['status']}, {job['stage']}, {job['progress']} %"


def created_text(job: Json) -> str:
    text = f"{stamp(job['created_at'])} UTC, {ago(job['created_at'])} ago"
    if job["finished_at"]:
        return f"{text}; ended {stamp(job['finished_at'])}, {ago(job['finished_at'])} ago"
    return text


def stage_table(timeline: Timeline) -> Table:
    rows = [
        (
            stage.stage,
            stage.state,
            span(stage.waited_seconds),
            span(stage.ran_seconds),
            bar(stage, timeline),
        )
        for stage in timeline.stages
    ]
    title = f"stages ({WAITED} waited, {RAN} ran; the bar is {span(length(timeline))})"
    return Table(columns("stage", "state", ">waited", ">ran", "when"), rows, title)


def length(timeline: Timeline) -> float:
    return max((timeline.ended - timeline.began).total_seconds(), 0.001)


def bar(stage: StageTime, timeline: Timeline) -> str:
    """Where in the job's life the stage waited, and where it ran; whatever was is seen."""
    if stage.waits_since is None:
        return ""
    end = stage.until or timeline.ended
    start, turn, last = (
        place(moment, timeline) for moment in (stage.waits_since, stage.ran_since or end, end)
    )
    ran = max(last - turn, 1) if stage.ran_since else 0
    turn = min(turn, BAR - ran)
    # The beginning of a line is not trimmed as its end is: so blanks are dots.
    return "·" * min(start, turn) + WAITED * max(turn - start, 0) + RAN * ran


def place(moment: datetime, timeline: Timeline) -> int:
    share = (moment - timeline.began).total_seconds() / length(timeline)
    return min(max(round(share * BAR), 0), BAR)


def now(situation: Situation, found: Json, *, local: bool) -> tuple[str, ...]:
    since = f" For {ago(situation.since)}." if situation.since and not ended(found) else ""
    told = [("now", situation.text + since), ("deadline", deadline(found))]
    told += [("next", with_local(step, local=local)) for step in situation.next_steps]
    return named(told), ""


def ended(found: Json) -> bool:
    return bool(found["job"]["finished_at"])


def deadline(found: Json) -> str:
    due = found["job"]["deadline_at"]
    if ended(found) or due is None:
        return ""
    left = (datetime.fromisoformat(due) - datetime.fromisoformat(found["now"])).total_seconds()
    return f"{stamp(due)} UTC, " + (f"in {span(left)}" if left > 0 else f"{span(-left)} overdue")


def submission_table(submissions: list[Json]) -> Table:
    rows = [
        (
            sent["stage"],
            str(sent["n"]),
            sent["outcome"],
            sent["task_id"] or "",
            number(sent["provider_credits"]),
            clock(sent["intent_at"]),
            clock(sent["ended_at"]),
            facts(sent["error"]),
        )
        for sent in submissions
    ]
    names = columns("stage", ">n", "outcome", "provider task", ">paid", "sent", "ended", "error↵")
    return Table(names, rows, "paid requests (in the provider's credits)")


def event_table(events: list[Json]) -> Table:
    rows = [
        (
            clock(event["at"]),
            event["status"],
            event["stage"],
            event["provider_task_id"] or "",
            facts(event["payload"]),
        )
        for event in events
    ]
    return Table(columns("at", "status", "stage", "provider task", "more↵"), rows, "events")


def file_table(files: list[Json]) -> Table:
    rows = [
        (
            file["role"],
            file["format"],
            number(file["bytes"]),
            number(file["triangles"]),
            f"{file['width']} x {file['height']}" if file["width"] else "",
            f"{file['bucket']}/{file['path']}",
        )
        for file in files
    ]
    names = columns("role", "format", ">bytes", ">triangles", "pixels", "where↵")
    return Table(names, rows, "files")


def ledger_table(ledger: list[Json]) -> Table:
    rows = [
        (clock(line["at"]), line["kind"], number(line["amount"]), number(line["hold"]),
         line["reason"] or "")
        for line in ledger
    ]  # fmt: skip
    return Table(columns("at", "kind", ">amount", ">hold", "reason"), rows, "credits")


def incident_table(incidents: list[Json]) -> Table:
    rows = [(clock(one["at"]), one["kind"], facts(one["detail"])) for one in incidents]
    return Table(columns("at", "incident", "detail↵"), rows, "incidents")


def facts(value: object) -> str:
    return one_line(orjson.dumps(value).decode()) if value else ""
