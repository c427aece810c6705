"""`make bench-glb`: the GLB optimiser against gltf-transform and gltf-pipeline, in one run."""

import argparse
import compileall
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

import worker
from tests.bench.glb.bench import Bench, Models
from tests.bench.glb.bytes import bench_balanced, bench_geometry, bench_web
from tests.bench.glb.contents import Contents
from tests.bench.glb.costs import bench_draco_costs, bench_full_costs, bench_json_heavy
from tests.bench.glb.faithfulness import bench_faithfulness, bench_views
from tests.bench.glb.models import generated_models, is_ai_model, json_heavy_model, kept
from tests.bench.glb.report import Outcome, show_outcomes
from tests.bench.glb.tools import find_tools
from tests.bench.glb.workshop import Workshop
from tests.glb.conformance.judges import find_judges
from tests.glb.conformance.samples import VARIABLE
from tests.support.cache import cache_folder

PARTS = {
    "costs": (bench_draco_costs, bench_full_costs, bench_json_heavy),
    "bytes": (bench_geometry, bench_balanced),
    "web": (bench_web,),
    "faithfulness": (bench_faithfulness,),
    "views": (bench_views,),
}
WIDTH = 150


def main() -> None:
    asked = arguments()
    compileall.compile_dir(Path(worker.__file__).parent, quiet=1)  # as an installation does
    console = Console(record=True, width=WIDTH)
    models = find_models(asked.samples, asked.only_models)
    console.print(circumstances(models), soft_wrap=True)
    with TemporaryDirectory(prefix="meshqueue-bench-glb-") as folder:
        shop = Workshop(Path(folder))
        bench = Bench(models, find_tools(), shop, find_judges(), console, asked.rounds)
        outcomes = list(outcomes_of(bench, asked.parts))
    show_outcomes(console, outcomes)
    asked.out.write_text(console.export_text())
    console.print(f"written to {asked.out}")


def outcomes_of(bench: Bench, parts: Sequence[str]) -> Iterator[Outcome]:
    for part in parts:
        for measure in PARTS[part]:
            yield from measure(bench)


def find_models(folder: Path | None, only: Sequence[str]) -> Models:
    samples = sorted(folder.glob("*.glb")) if folder else []
    every = [*samples, *generated_models()]
    if only:
        every = [model for model in every if model.stem in only]
    contents = {model: Contents.read(model) for model in every}
    ai = [model for model in every if is_ai_model(model.stem)]
    packable = [model for model in every if contents[model].has_meshes_to_pack]
    textured = [model for model in every if contents[model].image_count and model not in ai]
    return Models(every, ai, packable, textured, kept("json-heavy", json_heavy_model))


def circumstances(models: Models) -> str:
    busy = os.getloadavg()[0]
    return (
        f"{len(models.every)} models, {os.cpu_count()} processors ({platform.machine()}), "
        f"Python {platform.python_version()}, load at the start {busy:.1f}. "
        "Only the ratios mean something on another machine, and those of time only on a quiet one."
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-glb", description=__doc__)
    named = os.environ.get(VARIABLE)
    parser.add_argument(
        "--samples",
        type=Path,
        default=Path(named) if named else None,
        help=f"a folder of GLBs to measure beside the generated ones; or set {VARIABLE}",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement of time")
    parser.add_argument("--only-models", nargs="+", default=(), metavar="NAME")
    parser.add_argument("--out", type=Path, default=cache_folder() / "bench-glb.txt")
    return parser.parse_args()


if __name__ == "__main__":
    main()
