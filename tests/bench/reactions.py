"""How soon a worker acts: from an insert to the provider, and from one stage to the next."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.bench.load import Load, cut, load, seconds_between
from worker.simulator import BookedTask, Fault, Rule

JOBS = 60
APART = 0.1  # s
SECRET = "a secret of the bench"
LOOK_EVERY = 0.02
GIVE_UP = 60.0
UNTIL_POLLING_ALONE = 20.0  # by then streams are tried again twice a minute
POLLING = 2.0  # s, instead of 5 to 30
SILENT_STREAMS = Rule(fault=Fault.STREAM_HANGS, operation="stream", times=None)
NO_STREAMS = Rule(fault=Fault.ANSWER_5XX, operation="stream", times=None)
NEVER_ENDS = Rule(fault=Fault.STUCK_PENDING, times=None)


def bench_reactions(console: Console) -> None:
    table = Table(title=f"Reactions of one worker, {JOBS} jobs, milliseconds")
    for column in ("", "median", "95 %", "most"):
        table.add_column(column, justify="left" if not column else "right")
    inserts, over_stream = measure_streams()
    add_row(table, "insert → the provider has the first request", inserts)
    add_row(table, "provider done → next stage requested, by its stream", over_stream)
    add_row(table, "the same by a webhook, while streams are silent", measure_webhooks())
    add_row(table, f"the same by asking every {POLLING:.0f} s alone", measure_polling())
    console.print(table)


def add_row(table: Table, name: str, seconds: list[float]) -> None:
    shown = (cut(seconds, 0.5), cut(seconds, 0.95), max(seconds))
    table.add_row(name, *(f"{value * 1000:.0f}" for value in shown))


def measure_streams() -> tuple[list[float], list[float]]:
    with load(slots=JOBS) as made, made.labourer():
        made.simulator.script(NEVER_ENDS)
        inserted = create_all(made)
        previews = wait_for(lambda: previews_of(made), JOBS)
        inserts = [seconds_between(inserted[p.body["prompt"]], p.created_at) for p in previews]
        return inserts, settle_all(made, previews)


def measure_webhooks() -> list[float]:
    with load(slots=JOBS) as made:
        port = free_port()
        made.simulator.meshy.webhooks.register(f"http://127.0.0.1:{port}/webhooks/meshy", SECRET)
        with made.labourer(port=port):
            made.simulator.script(NEVER_ENDS, SILENT_STREAMS)
            create_all(made)
            return settle_all(made, wait_for(lambda: previews_of(made), JOBS))


def measure_polling() -> list[float]:
    patience = {"poll_first": POLLING, "poll_most": POLLING}
    with load(slots=JOBS) as made, made.labourer(patience=patience):
        made.simulator.script(NEVER_ENDS, NO_STREAMS)
        create_all(made)
        previews = wait_for(lambda: previews_of(made), JOBS)
        time.sleep(UNTIL_POLLING_ALONE)
        return settle_all(made, previews)


def create_all(made: Load) -> dict[str, datetime]:
    inserted = {}
    for number in range(JOBS):
        prompt = f"lamp {number}"
        inserted[prompt] = datetime.now(UTC)
        made.create(prompt, refine=True)
        time.sleep(APART)
    return inserted


def settle_all(made: Load, previews: list[BookedTask]) -> list[float]:
    """From the end of each preview to the request for its refine."""
    ended = {}
    for preview in previews:
        ended[preview.id] = made.simulator.clock.now()
        made.simulator.settle(preview.id, "succeeded")
        time.sleep(APART)
    refines = wait_for(lambda: refines_of(made), len(previews))
    return [seconds_between(ended[r.body["preview_task_id"]], r.created_at) for r in refines]


def previews_of(made: Load) -> list[BookedTask]:
    return [task for task in made.tasks() if task.kind == "text-to-3d-preview"]


def refines_of(made: Load) -> list[BookedTask]:
    return [task for task in made.tasks() if task.kind == "text-to-3d-refine"]


def wait_for(look: Callable[[], list[BookedTask]], count: int) -> list[BookedTask]:
    give_up = time.monotonic() + GIVE_UP
    while len(found := look()) < count:
        if time.monotonic() > give_up:
            raise RuntimeError(f"only {len(found)} of {count} tasks came")
        time.sleep(LOOK_EVERY)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
