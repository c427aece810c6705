"""How small: geometry alone, whole files, and how good the maps still are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.glb.bench import Bench
from tests.bench.glb.contents import Contents, decibels
from tests.bench.glb.losses import loss
from tests.bench.glb.models import is_ai_model
from tests.bench.glb.report import Outcome, geomean, in_decibels, show

TRANSFORM, PIPELINE = 0, 1  # the peers, as they stand in a row
EQUAL = -0.05  # decibels: less is rounding
BALANCED_TARGETS = {"10k": (0.73, 0.56), "100k": (0.53, 0.41), "300k": (0.34, 0.27)}


def bench_geometry(bench: Bench) -> Iterator[Outcome]:
    rows = [compared(bench, model) for model in bench.models.packable]
    show_compared(bench, rows)
    of_transform = {row.model: row.ratio(TRANSFORM) for row in rows if row.counts(TRANSFORM)}
    of_pipeline = {row.model: row.ratio(PIPELINE) for row in rows if row.counts(PIPELINE)}
    yield from against("gltf-transform", of_transform, (0.78, 0.74), 1.02)
    for kind in ("AI", "gen"):
        of_kind = {n: r for n, r in of_transform.items() if is_ai_model(n) and kind in n}
        if of_kind:
            yield Outcome(f"… the worst AI model{named(of_kind)}", max(of_kind.values()), 0.69)
    yield from against("gltf-pipeline", of_pipeline, (0.82, 0.78), 1.0)


@dataclass(frozen=True)
class Compared:
    """Bytes of geometry, and what each peer lost of it."""

    model: str
    source: int
    ours: int
    peers: Sequence[int | None]
    losses: Sequence[str]

    def ratio(self, peer: int) -> float:
        theirs = self.peers[peer]
        return self.ours / theirs if theirs else math.nan

    def counts(self, peer: int) -> bool:
        return self.peers[peer] is not None and not self.losses[peer]

    def cells(self, peer: int) -> tuple[str | float | None, str]:
        return (self.ratio(peer) if self.peers[peer] else None, self.losses[peer])


def compared(bench: Bench, model: Path) -> Compared:
    ours, *theirs = (bench.shop.output(tool, model) for tool in bench.tools.draco_only)
    assert ours is not None, f"meshqueue optimize fails on {model.name}"
    return Compared(
        model.stem,
        Contents.read(model).geometry_bytes,
        Contents.read(ours).geometry_bytes,
        [Contents.read(output).geometry_bytes if output else None for output in theirs],
        [loss(bench.judges, model, output) if output else "" for output in theirs],
    )


def show_compared(bench: Bench, rows: Sequence[Compared]) -> None:
    columns = ("geometry, bytes", "source", "ours", "transform", "pipeline", "/ transform",
               "not counted: it", "/ pipeline", "not counted: it")  # fmt: skip
    cells = [
        (row.model, row.source, row.ours, *row.peers, *row.cells(TRANSFORM), *row.cells(PIPELINE))
        for row in rows
    ]
    show(bench.console, "Draco only, all at 14/10/12 bits", columns, cells)


def against(
    peer: str, ratios: Mapping[str, float], bounds: tuple[float, float], worst: float
) -> Iterator[Outcome]:
    yield Outcome(f"geometry / {peer}, geomean", geomean(ratios.values()), *bounds)
    yield Outcome(f"… the worst model{named(ratios)}", max(ratios.values()), worst)


def named(ratios: Mapping[str, float]) -> str:
    return f" ({max(ratios, key=lambda name: ratios[name])})"


def bench_balanced(bench: Bench) -> Iterator[Outcome]:
    rows = []
    for model in bench.models.ai:
        output = bench.shop.output(bench.tools.ours_default, model)
        assert output is not None
        ratio = output.stat().st_size / model.stat().st_size
        rows.append((model.stem, model.stat().st_size, output.stat().st_size, ratio))
        for size, (target, stretch) in BALANCED_TARGETS.items():
            if model.stem.removeprefix("AI").removeprefix("gen") == size:
                yield Outcome(f"balanced / source, {model.stem}", ratio, target, stretch)
    show(
        bench.console, "The default preset", ("whole file, bytes", "source", "ours", "ratio"), rows
    )


def bench_web(bench: Bench) -> Iterator[Outcome]:
    ratios, worst = {}, {}
    rows: list[tuple[str | float | None, ...]] = []
    ai_models, others = bench.models.ai, bench.models.textured
    for model in [*ai_models, *others]:
        ours, theirs = (bench.shop.output(tool, model) for tool in bench.tools.full)
        if ours is None or theirs is None:
            continue
        ratios[model] = ours.stat().st_size / theirs.stat().st_size
        rows.append(
            (model.stem, "bytes", ours.stat().st_size, theirs.stat().st_size, ratios[model])
        )
        maps = list(quality_of_maps(model, ours, theirs))
        rows += [("", slot, f"{a:.1f} dB", f"{b:.1f} dB", f"{a - b:+.1f}") for slot, a, b in maps]
        worst[model] = min((a - b for _, a, b in maps if a != b), default=0.0)
    columns = ("web / gltf-transform optimize", "", "ours", "transform", "")
    show(bench.console, "The full job", columns, rows)
    yield Outcome(
        "web / gltf-transform optimize, AI models, geomean", of(ratios, ai_models), 0.8, 0.76
    )
    yield in_decibels("… the worst map of the AI models, dB apart", least(worst, ai_models), EQUAL)
    yield in_decibels("… the worst map of the others, dB apart", least(worst, others), EQUAL)


def of(ratios: Mapping[Path, float], models: Sequence[Path]) -> float:
    return geomean(ratios[model] for model in models if model in ratios)


def least(worst: Mapping[Path, float], models: Sequence[Path]) -> float:
    return min((worst[model] for model in models if model in worst), default=0.0)


def quality_of_maps(source: Path, *outputs: Path) -> Iterator[tuple[str, float, float]]:
    """Of each map against the source's, ours first."""
    before = Contents.read(source)
    after = [Contents.read(output) for output in outputs]
    seen = set()
    for slot, image in before.maps().items():
        found = [each.maps().get(slot) for each in after]
        if image in seen or not before.image(image) or None in found:
            continue
        seen.add(image)
        one, other = (
            decibels(before.image(image), each.image(index))
            for each, index in zip(after, found, strict=True)
            if index is not None
        )
        yield slot, one, other
