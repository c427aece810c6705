"""Node programs that know nothing of our code: the Khronos validator and Google's Draco decoder."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.glb.conformance.decoded import Decoded, load_decoded
from tests.support.node import NodePackages, node_packages

PINNED = Path(__file__).parent / "node"
JUDGEMENT_TIMEOUT = 300


@dataclass(frozen=True)
class Judges:
    packages: NodePackages

    def errors(self, files: Sequence[Path]) -> list[list[str]]:
        """What the validator calls errors, file by file."""
        lines = self.run("validate.cjs", *files).splitlines()
        return [[said["code"] for said in json.loads(line)["errors"]] for line in lines]

    def decode(self, files: Sequence[Path]) -> list[Decoded]:
        with TemporaryDirectory(prefix="meshqueue-decoded-") as name:
            folder = Path(name)
            self.run("decode.cjs", folder, *files)
            return [load_decoded(folder, number) for number in range(len(files))]

    def run(self, script: str, *arguments: Path) -> str:
        done = subprocess.run(
            ["node", str(PINNED / script), *map(str, arguments)],
            env=self.packages.environment(),
            capture_output=True,
            text=True,
            timeout=JUDGEMENT_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{script} failed: {done.stderr[:2000]}")
        return done.stdout


def find_judges() -> Judges:
    return Judges(node_packages("glb-judges", PINNED))
