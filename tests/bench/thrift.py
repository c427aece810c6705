"""How many requests a job costs at the provider, against asking every five seconds."""

import time
from collections import Counter

from rich.console import Console

from tests.bench.load import Load, load, seconds_between
from worker.simulator import BookedTask

JOBS = 10
STAGE_SECONDS = (180.0, 180.0)
POLLING_EVERY = 5.0
GIVE_UP = 900.0


def bench_thrift(console: Console) -> None:
    with load(slots=JOBS) as made, made.labourer():
        made.simulator.meshy.account.work_seconds = STAGE_SECONDS
        for number in range(JOBS):
            made.create(f"lamp {number}", refine=True)
        wait_for_the_end(made)
        book = made.simulator.book("meshy")
        asked = Counter(request.operation for request in book.requests)
        watched = asked.total() - asked["create"] - asked["download"]
        polled = seconds_of(book.tasks) / POLLING_EVERY
        console.print(
            f"{JOBS} jobs of two stages of {STAGE_SECONDS[0]:.0f} s: {dict(asked)}. Watching took"
            f" {watched} requests, where asking every {POLLING_EVERY:.0f} s takes {polled:.0f}:"
            f" {watched / polled:.3f}"
        )


def seconds_of(tasks: tuple[BookedTask, ...]) -> float:
    return sum(seconds_between(t.created_at, t.finished_at) for t in tasks if t.finished_at)


def wait_for_the_end(made: Load) -> None:
    give_up = time.monotonic() + GIVE_UP
    while made.ended() != {"SUCCEEDED": JOBS}:
        if time.monotonic() > give_up:
            raise RuntimeError(f"it did not end: {made.ended()}")
        time.sleep(1)
