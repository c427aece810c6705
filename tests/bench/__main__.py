"""`make bench`: what the README claims, as ratios measured in one run."""

import argparse
import platform

from rich.console import Console

from tests.bench.admissions import bench_admissions
from tests.bench.creates import bench_creates
from tests.bench.delivering import bench_delivering
from tests.bench.optimising import bench_optimising
from tests.bench.place import bench_place
from tests.bench.reactions import bench_reactions
from tests.bench.scale import bench_scale
from tests.bench.thrift import bench_thrift
from tests.bench.watching import bench_watching

DATABASE = ("creates", "admissions")
WORKER = {
    "watching": bench_watching,
    "reactions": bench_reactions,
    "thrift": bench_thrift,
    "optimising": bench_optimising,
    "delivering": bench_delivering,
    "scale": bench_scale,
}


def main() -> None:
    asked = arguments()
    console = Console(soft_wrap=True)
    if asked.only not in WORKER:
        bench_database(asked, console)
    for name, bench in WORKER.items():
        if asked.only in (None, name):
            bench(console)


def bench_database(asked: argparse.Namespace, console: Console) -> None:
    with bench_place() as place:
        console.print(
            f"PostgreSQL {place.server.version}, default durability, {platform.machine()}."
            " Only the ratios mean something on another machine."
        )
        if asked.only in (None, "creates"):
            bench_creates(place, console, asked.seconds)
        if asked.only in (None, "admissions"):
            bench_admissions(place, console)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each of the 15 measurements")
    parser.add_argument("--only", choices=(*DATABASE, *WORKER))
    return parser.parse_args()


if __name__ == "__main__":
    main()
