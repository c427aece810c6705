"""Two thousand jobs in flight: memory, processor, reaction, and nothing bought twice."""

import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.load import Load, cut, load, seconds_between
from worker.simulator import BookedTask

JOBS = 2000
STARTS_OVER = 60.0  # s
STAGE_SECONDS = (60.0, 90.0)
PROCESSES = (1, 2, 4)
GIVE_UP = 900.0
LOOKS_EVERY = 5.0  # s; while the simulator tells of 4,000 tasks it serves nobody


def bench_scale(console: Console) -> None:
    table = Table(title=f"{JOBS} jobs at once, started over {STARTS_OVER:.0f} s, two stages each")
    columns = "processes", "memory each, most", "processor each, most", "95 %", "most", "twice"
    for column in columns:
        table.add_column(column, justify="right")
    table.caption = (
        "memory in MiB, of one process; processor as a share of one; then the time from a stage's"
        " end to the next stage's request in milliseconds; stages that were bought twice"
    )
    for processes in PROCESSES:
        table.add_row(str(processes), *measure(console, processes))
    console.print(table)


def measure(console: Console, processes: int) -> tuple[str, ...]:
    with load(slots=JOBS) as made, ExitStack() as stack:
        made.simulator.meshy.account.work_seconds = STAGE_SECONDS
        labourers = [stack.enter_context(made.labourer()) for _ in range(processes)]
        began = time.monotonic()
        start_all(made, console)
        wait_until_paid_for(made, console)
        working_seconds = time.monotonic() - began
        used = [labourer.stop() for labourer in labourers]
        return figures(made.tasks(), used, working_seconds)


def start_all(made: Load, console: Console) -> None:
    began = time.monotonic()
    for number in range(JOBS):
        due = began + STARTS_OVER * number / JOBS
        time.sleep(max(0.0, due - time.monotonic()))
        made.create(f"lamp {number}", refine=True)
    console.print(f"  {JOBS} jobs were created in {time.monotonic() - began:.0f} s", style="dim")


def wait_until_paid_for(made: Load, console: Console) -> None:
    """Until every refine has ended: what comes then are deliveries."""
    give_up = time.monotonic() + GIVE_UP
    most = 0
    while sum(is_over(task) for task in refines(made.tasks())) < JOBS:
        most = max(most, made.simulator.book("meshy").concurrent)
        if time.monotonic() > give_up:
            raise RuntimeError(f"it did not end: {made.ended()}")
        time.sleep(LOOKS_EVERY)
    console.print(f"  as many as {most} tasks at the provider at once", style="dim")


def figures(
    tasks: tuple[BookedTask, ...], used: list[dict[str, Any]], seconds: float
) -> tuple[str, ...]:
    ended = {task.id: task.finished_at for task in tasks if task.finished_at}
    delays = [
        seconds_between(ended[task.body["preview_task_id"]], task.created_at)
        for task in refines(tasks)
    ]
    bought = Counter(task.body.get("prompt") or task.body["preview_task_id"] for task in tasks)
    return (
        f"{max(each['peak_mib'] for each in used):.0f}",
        f"{max(each['cpu_seconds'] for each in used) / seconds:.2f}",
        f"{cut(delays, 0.95) * 1000:.0f}",
        f"{max(delays) * 1000:.0f}",
        str(sum(count - 1 for count in bought.values())),
    )


def refines(tasks: tuple[BookedTask, ...]) -> list[BookedTask]:
    return [task for task in tasks if task.kind == "text-to-3d-refine"]


def is_over(task: BookedTask) -> bool:
    return task.finished_at is not None
