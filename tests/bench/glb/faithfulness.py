"""How true: an independent decoder, the validator and a browser look at every output."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.bench.glb.bench import Bench
from tests.bench.glb.report import Cell, Outcome, count, in_decibels, show
from tests.glb.conformance.browser import Browser, Verdict, chromium, open_browser
from tests.glb.conformance.comparison import Difference, compare
from tests.glb.conformance.decoded import UndecodableError
from tests.glb.conformance.promise import Bounds, broken, new_errors

ALIKE = 50.0
WORSE = 1.0
# Above this both are equal to the eye, and which is nearer is chance.
BEYOND_DOUBT = 60.0


def bench_faithfulness(bench: Bench) -> Iterator[Outcome]:
    judges, console, models = bench.judges, bench.console, bench.models.every
    ours = bench.tools.ours
    outputs = [(model, output) for model in models if (output := bench.shop.output(ours, model))]
    before = judges.errors([model for model, _ in outputs])
    after = judges.errors([output for _, output in outputs])
    invalid = [
        f"{model.stem}: {errors}"
        for (model, _), one, two in zip(outputs, before, after, strict=True)
        if (errors := new_errors(one, two))
    ]
    grown = [m.stem for m, o in outputs if o.stat().st_size > m.stat().st_size]
    found = list(differences(bench, outputs))
    show_differences(console, found)
    for title, faults in (
        ("new errors in the validator", invalid),
        ("larger than the source", grown),
    ):
        if faults:
            console.print(f"{title}: {', '.join(faults)}")
    yield count("models on which meshqueue fails", len(models) - len(outputs))
    yield count("files with new errors in the validator", len(invalid))
    yield count("files larger than the source", len(grown))
    yield from worst_of([difference for _, difference, _ in found])
    faults = [fault for _, _, promises in found for fault in promises]
    yield count("promises broken, file by file", len(faults))


Found = tuple[Path, Difference, list[str]]


def differences(bench: Bench, outputs: Sequence[tuple[Path, Path]]) -> Iterator[Found]:
    for model, output in outputs:
        if model.read_bytes() == output.read_bytes():
            continue
        try:
            source, result = bench.judges.decode([model, output])
        except UndecodableError as error:
            bench.console.print(f"{model.stem} is not compared: {error}", style="dim")
            continue
        difference = compare(source, result)
        yield model, difference, list(broken(source, difference, Bounds()))


def worst_of(differences: Sequence[Difference]) -> Iterator[Outcome]:
    def worst(name: str) -> float:
        return max((float(getattr(each, name)) for each in differences), default=0.0)

    lost = sum(each.lost for each in differences)
    yield count("non-degenerate triangles lost", lost)
    yield Outcome("position error, steps of the grid", worst("position"), 0.87)
    yield Outcome("cracks between primitives, units", worst("crack"), 0, form="{:.2g}")
    yield Outcome("normals, degrees", worst("normal"), 0.25)
    yield Outcome("weights", worst("weight"), 1 / 255, form="{:.5f}")
    yield Outcome("sum of the weights of a vertex", worst("weight_sum"), 1 / 255, form="{:.5f}")
    yield Outcome("tangents", worst("tangent"), 1 / 127, form="{:.5f}")


def show_differences(console: Console, found: Sequence[Found]) -> None:
    columns = ("the worst vertex of each", "lost", "position", "bits", "normal", "UV", "tangent",
               "weight", "crack", "broken")  # fmt: skip
    rows = [
        (
            model.stem,
            it.lost,
            it.position,
            it.bits or "",
            f"{it.normal:.3f}°",
            f"{it.uv:.1e}",
            it.tangent,
            f"{it.weight:.4f}",
            f"{it.crack:.1e}",
            "; ".join(promises),
        )
        for model, it, promises in found
    ]
    show(console, "Decoded by draco3dgltf and compared triangle by triangle", columns, rows)


def bench_views(bench: Bench) -> Iterator[Outcome]:
    program = chromium()
    if program is None:
        bench.console.print("There is no Chromium here: nothing is rendered. CHROME may name one.")
        return
    with open_browser(program, bench.judges.packages) as browser:
        verdicts = {model: look(browser, bench, model) for model in bench.models.every}
    show_verdicts(bench.console, verdicts)
    loadable = {model: verdict for model, verdict in verdicts.items() if verdict.source is None}
    unloaded = [model for model, verdict in loadable.items() if verdict.outputs[0].problem]
    yield count("outputs that three.js can't load", len(unloaded))
    of_ai = [loadable[model].outputs[0].decibels for model in bench.models.ai if model in loadable]
    yield in_decibels("rendered AI models against their source, dB", min(of_ai), ALIKE)
    apart = {model.stem: behind(verdict) for model, verdict in loadable.items()}
    last = max(apart, key=lambda name: apart[name])
    yield Outcome(f"dB behind gltf-transform ({last})", apart[last], WORSE, form="{:.1f}")


def look(browser: Browser, bench: Bench, model: Path) -> Verdict:
    tools = bench.tools.ours, bench.tools.transform
    outputs = [bench.shop.output(tool, model) for tool in tools]
    return browser.compare(model, [output for output in outputs if output])


def behind(verdict: Verdict) -> float:
    """How much less like the source ours looks than gltf-transform's."""
    if len(verdict.outputs) < len(("ours", "theirs")) or verdict.outputs[1].problem:
        return 0.0
    ours, theirs = (min(shown.decibels, BEYOND_DOUBT) for shown in verdict.outputs)
    return theirs - ours


def show_verdicts(console: Console, verdicts: dict[Path, Verdict]) -> None:
    rows: list[tuple[Cell, ...]] = []
    for model, verdict in verdicts.items():
        shown = [
            each.problem or ("equal" if math.isinf(each.decibels) else f"{each.decibels:.1f}")
            for each in verdict.outputs
        ]
        rows.append((model.stem, verdict.source or "loads", *shown, *[""] * (2 - len(shown))))
    columns = ("rendered, dB", "source", "ours", "gltf-transform")
    show(console, "three.js in a headless Chromium, Draco only", columns, rows)
