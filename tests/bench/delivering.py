"""What a delivery costs besides provider and optimiser, and the memory that many of them take."""

import json
import os
import struct
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from tests.bench.load import Load, cut, load, seconds_between
from worker.optimising.optimisers import MEMORY_BYTES
from worker.simulator import BookedTask
from worker.simulator.models import make_model
from worker.simulator.product import Product, Workshop

ONE_BY_ONE = 30
AT_ONCE = 200
SPEED = 1000.0  # of the simulated Meshy: a task ends within 5 to 30 ms
MODEL_BYTES = 20_000_000
TARGET_SECONDS, TARGET_MIB = 0.400, 500
UNLIMITED = 1_000_000
LOOK_EVERY = 0.02
GIVE_UP = 1800.0
LABOUR = "tests.bench.deliverer"

Seconds = dict[str, float]
"""By job."""

ENDED = """
    select j.id::text, j.request_payload ->> 'prompt',
      extract(epoch from r.ended_at - j.created_at)::float8,
      extract(epoch from r.ended_at - r.begun_at)::float8
    from public.ai_jobs j join meshqueue.runs r on r.job_id = j.id and r.stage = 'DELIVER'
    where j.status = 'SUCCEEDED'
"""


class Shelf(Workshop):
    """Every product is the same, and made already."""

    def __init__(self, glb: bytes, picture: bytes) -> None:
        super().__init__()
        self._glb = glb
        self._picture = picture

    def file(self, product: Product, format_: str) -> bytes:
        del product, format_
        return self._glb

    def thumbnail(self, product: Product) -> bytes:
        del product
        return self._picture


@dataclass(frozen=True)
class Measured:
    whole: Seconds
    """From insert to stored model."""
    delivering: Seconds
    provider: Seconds
    optimising: Seconds
    seconds: float
    peak_mib: float
    child_peak_mib: float

    def ours(self) -> list[float]:
        return [
            seconds - self.provider[job] - self.optimising[job]
            for job, seconds in self.whole.items()
        ]

    def ours_of_deliveries(self) -> list[float]:
        return [seconds - self.optimising[job] for job, seconds in self.delivering.items()]


def bench_delivering(console: Console) -> None:
    console.print(f"Deliveries into a folder, load {shown_load()} at the beginning")
    small = Shelf(*small_files())
    one_by_one = measure(small, ONE_BY_ONE, apart=True)
    tell(console, f"{ONE_BY_ONE} jobs one after another", one_by_one)
    tell(console, f"{AT_ONCE} jobs at once", measure(small, AT_ONCE, apart=False))
    glb, picture = small_files()
    large = measure(Shelf(padded(glb, MODEL_BYTES), picture), AT_ONCE, apart=False)
    tell(console, f"{AT_ONCE} jobs at once, models of {MODEL_BYTES:,} bytes", large)
    console.print(
        f"  aims: {TARGET_SECONDS * 1000:.0f} ms a job in the middle, one after another;"
        f" {TARGET_MIB} MiB; each optimiser under {MEMORY_BYTES >> 20} MiB; load {shown_load()}"
    )


def tell(console: Console, what: str, measured: Measured) -> None:
    ours, deliveries = measured.ours(), measured.ours_of_deliveries()
    console.print(
        f"  {what}, {measured.seconds:.1f} s in all, load {shown_load()}\n"
        f"    ours from insert to stored model: median {milliseconds(cut(ours, 0.5))},"
        f" 95 % {milliseconds(cut(ours, 0.95))}\n"
        f"    ours from the delivery's begin: median {milliseconds(cut(deliveries, 0.5))},"
        f" 95 % {milliseconds(cut(deliveries, 0.95))}\n"
        f"    its optimisers, from asking for one to its end: median"
        f" {milliseconds(cut(list(measured.optimising.values()), 0.5))}\n"
        f"    most memory: the worker {measured.peak_mib:.0f} MiB,"
        f" an optimiser at most {measured.child_peak_mib:.0f} MiB"
    )


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def shown_load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def measure(shelf: Shelf, jobs: int, *, apart: bool) -> Measured:
    with load(slots=jobs, speed=SPEED, labour=LABOUR) as made:
        made.simulator.meshy.workshop = shelf
        made.simulator.meshy.account.work_seconds = (1.0, 2.0)
        made.simulator.meshy.account.requests_per_second = UNLIMITED
        with made.labourer() as labourer:
            began = time.monotonic()
            for number in range(jobs):
                made.create(f"lamp {number}", refine=False)
                if apart:
                    wait_for(made, number + 1)
            wait_for(made, jobs)
            seconds = time.monotonic() - began
            said = labourer.stop()
        return measured_of(made, seconds, said)


def measured_of(made: Load, seconds: float, said: dict[str, Any]) -> Measured:
    rows = made.connection.execute(ENDED.encode()).fetchall()
    took = {task.body["prompt"]: task for task in made.tasks()}
    return Measured(
        whole={job: whole for job, _, whole, _ in rows},
        delivering={job: delivering for job, _, _, delivering in rows},
        provider={job: provider_seconds(took[prompt]) for job, prompt, _, _ in rows},
        optimising=said["optimised"],
        seconds=seconds,
        peak_mib=said["peak_mib"],
        child_peak_mib=said["child_peak_mib"],
    )


def provider_seconds(task: BookedTask) -> float:
    return seconds_between(task.created_at, task.finished_at or task.created_at) / SPEED


def wait_for(made: Load, jobs: int) -> None:
    give_up = time.monotonic() + GIVE_UP
    while (ended := made.ended()).get("SUCCEEDED", 0) < jobs:
        if time.monotonic() > give_up or ended.get("FAILED"):
            raise RuntimeError(f"it did not end well: {ended}")
        time.sleep(LOOK_EVERY)


def small_files() -> tuple[bytes, bytes]:
    model = make_model("lamp", 5_000, textured=False, pbr=False)
    return model.file("glb"), model.thumbnail


def padded(glb: bytes, size: int) -> bytes:
    """Bytes that no accessor names: they are fetched, hashed and stored like others."""
    (length,) = struct.unpack_from("<I", glb, 12)
    document = json.loads(glb[20 : 20 + length])
    binary = glb[28 + length :]
    binary += os.urandom((size - len(glb)) // 4 * 4)
    document["buffers"][0]["byteLength"] = len(binary)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = (
        struct.pack("<II", len(text), 0x4E4F534A) + text,
        struct.pack("<II", len(binary), 0x004E4942) + binary,
    )
    whole = b"".join(chunks)
    return struct.pack("<III", 0x46546C67, 2, 12 + len(whole)) + whole
