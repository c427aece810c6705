"""The live view."""

from collections.abc import Mapping
from typing import Any

from worker.cli._text.providers import slot_table
from worker.cli._text.tables import Table, columns
from worker.cli._text.words import ago, number, span, stamp

Json = Mapping[str, Any]


def glance_parts(glance: Json) -> tuple[Table | str, ...]:
    return (
        headline(glance),
        worker_table(glance),
        queue_table(glance),
        slot_table(glance["pools"]),
        flight_table(glance),
        rate_table(glance),
        latency_table(glance),
    )


def headline(glance: Json) -> str:
    jobs = glance["jobs"]
    told = [
        f"{stamp(glance['at'])} UTC",
        f"{number(jobs['queued'])} jobs wait, {number(jobs['in_progress'])} work",
    ]
    told += [f"{name} paused for {ago(since)}" for name, since in glance["paused"].items()]
    if pause := glance["deliveries_paused"]:
        told.append(f"deliveries paused for {ago(pause['since'])} ({pause['reason']})")
    return " · ".join(told)


def worker_table(glance: Json) -> Table:
    rows = [
        (
            worker["host"] or "",
            str(worker["pid"] or ""),
            worker["version"] or "",
            " ".join(name.lower() for name in worker["serves"]),
            "running" if worker["lives"] else "gone",
            ago(worker["seen_at"]),
            ago(worker["started_at"]),
            number(worker["runs"]),
            number(worker["memory_mib"]),
        )
        for worker in glance["workers"]
    ]
    names = columns(
        "host", ">pid", "version", "serves", "state", ">seen ago", ">up for", ">runs", ">MiB"
    )
    return Table(names, rows, "workers")


def queue_table(glance: Json) -> Table:
    rows = [
        (
            queue["queue"],
            number(queue["doing"]),
            number(queue["due"]),
            number(queue["later"]),
            ago(queue["oldest_since"]),
        )
        for queue in glance["queues"]
    ]
    names = columns("queue", ">worked on", ">due", ">later", ">the oldest for")
    return Table(names, rows, "queues", if_empty="empty")


def flight_table(glance: Json) -> Table:
    rows = [
        (
            run["provider"].lower(),
            run["stage"],
            run["state"],
            number(run["runs"]),
            ago(run["oldest_since"]),
        )
        for run in glance["in_flight"]
    ]
    names = columns("provider", "stage", "state", ">stages", ">the oldest for")
    return Table(names, rows, "under way")


def rate_table(glance: Json) -> Table:
    rows = [
        (
            rate["what"],
            number(rate["last_minute"]),
            number(rate["per_minute_of_10"]),
            number(rate["last_hour"]),
        )
        for rate in glance["rates"]
    ]
    names = columns("jobs", ">last minute", ">a minute, of ten", ">last hour")
    return Table(names, rows, "rates")


def latency_table(glance: Json) -> Table:
    rows = [
        (
            stage["provider"].lower(),
            stage["stage"],
            number(stage["stages"]),
            span(stage["waited_p50"]),
            span(stage["waited_p95"]),
            span(stage["ran_p50"]),
            span(stage["ran_p95"]),
        )
        for stage in glance["latencies"]
    ]
    names = columns(
        "provider", "stage", ">ended", ">woken p50", ">woken p95", ">ran p50", ">ran p95"
    )
    return Table(names, rows, "stages of the last hour (woken: from the slot to the worker)")
