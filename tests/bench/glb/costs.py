"""How fast and in how much memory, start-up included, as a user meets it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.bench.glb.bench import Bench
from tests.bench.glb.report import Cell, Outcome, geomean, show
from tests.bench.glb.tools import Tool
from tests.bench.glb.workshop import Run

MEGABYTE = 1 << 20
LARGE = "300k"


def bench_draco_costs(bench: Bench) -> Iterator[Outcome]:
    tools = bench.tools.draco_only
    runs = {model: race(bench, tools, model) for model in bench.models.packable}
    show_runs(bench.console, "Draco only", tools, runs)
    for peer, name in ((1, "gltf-transform"), (2, "gltf-pipeline")):
        pairs = {model: (run[0], run[peer]) for model, run in runs.items()}
        times = {model: ratio for model, pair in pairs.items() if (ratio := time_ratio(*pair))}
        yield Outcome(f"time / {name}, Draco only, geomean", geomean(times.values()), 0.35, 0.25)
        for model, ratio in times.items():
            if LARGE in model.stem:
                yield Outcome(f"… {model.stem}", ratio, 0.65, 0.5)
    yield memory_outcome("memory / gltf-transform, Draco only", runs, 0.45)


def bench_full_costs(bench: Bench) -> Iterator[Outcome]:
    tools = bench.tools.full
    runs = {model: race(bench, tools, model) for model in bench.models.ai}
    show_runs(bench.console, "The full job", tools, runs)
    ratios = [ratio for run in runs.values() if (ratio := time_ratio(*run))]
    yield Outcome("time / gltf-transform optimize, AI models, geomean", geomean(ratios), 0.5, 0.4)
    yield memory_outcome("memory / gltf-transform optimize, AI models", runs, 0.6)


def bench_json_heavy(bench: Bench) -> Iterator[Outcome]:
    model, tools = bench.models.json_heavy, bench.tools.draco_only
    runs = {model: race(bench, tools, model)}
    show_runs(bench.console, "4,000 meshes, 2.5 MB of JSON", tools, runs)
    ratio = time_ratio(*runs[model][:2])
    if ratio is not None:
        yield Outcome("time / gltf-transform, much JSON", ratio, 0.35, 0.2)


def race(bench: Bench, tools: Sequence[Tool], model: Path) -> list[Run | None]:
    return bench.shop.race(tools, model, bench.rounds)


def time_ratio(ours: Run | None, theirs: Run | None) -> float | None:
    return ours.seconds / theirs.seconds if ours and theirs else None


def memory_outcome(what: str, runs: dict[Path, list[Run | None]], target: float) -> Outcome:
    pairs = [(run[0], run[1]) for run in runs.values()]
    ratios = [ours.peak_bytes / theirs.peak_bytes for ours, theirs in pairs if ours and theirs]
    return Outcome(f"{what}, geomean", geomean(ratios), target)


def show_runs(
    console: Console, title: str, tools: Sequence[Tool], runs: dict[Path, list[Run | None]]
) -> None:
    columns = (
        "whole process: s, MB",
        *(tool.name for tool in tools),
        "time / transform",
        "CPU",
        "memory",
    )
    rows: list[tuple[Cell, ...]] = []
    for model, found in runs.items():
        ours, theirs = found[:2]
        cells = [
            f"{run.seconds:.2f}, {run.peak_bytes // MEGABYTE}" if run else None for run in found
        ]
        memory = ours.peak_bytes / theirs.peak_bytes if ours and theirs else None
        cpu = ours.cpu_seconds / theirs.cpu_seconds if ours and theirs else None
        rows.append((model.stem, *cells, time_ratio(ours, theirs), cpu, memory))
    show(console, title, columns, rows)
