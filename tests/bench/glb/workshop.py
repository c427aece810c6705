"""Runs tools on models; keeps what they made, how long it took and what it cost."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.bench.glb.tools import Tool

RUN_TIMEOUT = 600
LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_seconds: float  # says more than the clock on a machine that has other work
    peak_bytes: int


@dataclass
class Workshop:
    """`failed` are the pairs of a tool's name and a model's in which nothing came out."""

    folder: Path
    failed: set[tuple[str, str]] = field(default_factory=set)

    def output(self, tool: Tool, model: Path) -> Path | None:
        """Made at the first asking."""
        path = self.place(tool, model)
        if not path.exists() and (tool.name, model.stem) not in self.failed:
            self.run(tool, model)
        return path if path.exists() else None

    def place(self, tool: Tool, model: Path) -> Path:
        folder = self.folder / tool.name.replace(" ", "-")
        folder.mkdir(exist_ok=True)
        return folder / model.name

    def run(self, tool: Tool, model: Path) -> Run | None:
        output = self.place(tool, model)
        output.unlink(missing_ok=True)
        done = subprocess.run(
            # -I and -S keep the launcher small.
            [sys.executable, "-I", "-S", str(LAUNCHER), *tool.command(model, output)],
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT,
            check=True,
        )
        said = json.loads(done.stdout)
        if said["code"] or not output.exists():
            self.failed.add((tool.name, model.stem))
            return None
        return Run(said["seconds"], said["cpu_seconds"], said["peak_bytes"])

    def race(self, tools: Sequence[Tool], model: Path, rounds: int) -> list[Run | None]:
        """Taken in turns, so that what else the machine does meets all alike; medians."""
        runs: list[list[Run]] = [[] for _ in tools]
        for _ in range(rounds):
            for tool, found in zip(tools, runs, strict=True):
                run = self.run(tool, model)
                if run is not None:
                    found.append(run)
        return [middle(found) if len(found) == rounds else None for found in runs]


def middle(runs: Sequence[Run]) -> Run:
    return Run(
        median(run.seconds for run in runs),
        median(run.cpu_seconds for run in runs),
        int(median(run.peak_bytes for run in runs)),
    )
