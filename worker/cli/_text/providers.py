"""Providers on a screen: slots, pauses, workers, spending."""

from collections.abc import Mapping, Sequence
from typing import Any

from worker.cli._text.tables import Table, columns
from worker.cli._text.words import ago, number, stamp
from worker.operating.desk import Row

Json = Mapping[str, Any]


def provider_parts(providers: list[Row]) -> tuple[Table | str, ...]:
    return (
        overview(providers),
        slot_table([pool for provider in providers for pool in provider["pools"]]),
        pause_table(providers),
        worker_table(providers),
        day_table(providers),
    )


def overview(providers: list[Row]) -> Table:
    rows = [
        (
            provider["name"].lower(),
            state(provider),
            str(sum(worker["lives"] for worker in provider["workers"])),
            number(provider["spent_today"]),
            number(provider["budget"]),
        )
        for provider in providers
    ]
    names = columns("provider", "state", ">live workers", ">spent today", ">budget a day")
    return Table(names, rows, "providers (spent: the provider's credits)")


def state(provider: Row) -> str:
    if provider["paused_since"]:
        return "paused"
    return "open" if provider["configured"] else "not configured"


def slot_table(pools: Sequence[Json]) -> Table:
    rows = [
        (
            pool["pool"],
            f"{pool['taken']} of {pool['limit']}",
            number(pool["waiting"]),
            ago(pool["oldest_since"]),
        )
        for pool in pools
    ]
    return Table(columns("pool", ">slots taken", ">waiting", ">the oldest for"), rows, "slots")


def pause_table(providers: list[Row]) -> Table:
    rows = [
        (
            provider["name"].lower(),
            "every key" if pause["fingerprint"] == "*" else pause["fingerprint"],
            pause["reason"],
            f"{stamp(pause['since'])} UTC",
            pause["note"] or "",
        )
        for provider in providers
        for pause in provider["pauses"]
    ]
    return Table(columns("provider", "key", "why", "since", "note↵"), rows, "pauses")


def worker_table(providers: list[Row]) -> Table:
    rows = [
        (
            provider["name"].lower(),
            worker["host"] or "",
            str(worker["pid"] or ""),
            worker["version"] or "",
            worker["fingerprint"],
            worker_state(worker),
            f"{ago(worker['seen_at'])} ago",
        )
        for provider in providers
        for worker in provider["workers"]
    ]
    names = columns("provider", "host", ">pid", "version", "key", "state", ">last heartbeat")
    return Table(names, rows, "workers of the last hour")


def worker_state(worker: Json) -> str:
    """Who signed off is not missing."""
    if worker["lives"]:
        return "running"
    return "left" if worker["left_at"] else "gone"


def day_table(providers: list[Row]) -> Table:
    rows = [
        (
            provider["name"].lower(),
            day["day"],
            number(day["requests"]),
            number(day["provider_credits"]),
            number(day["jobs_charged"]),
            number(day["credits_charged"]),
        )
        for provider in providers
        for day in provider["days"]
        if day["requests"] or day["jobs_charged"]
    ]
    names = columns(
        "provider", "day (UTC)", ">paid requests", ">provider credits", ">jobs charged",
        ">our credits charged",
    )  # fmt: skip
    return Table(names, rows, "spent, and charged to users")
