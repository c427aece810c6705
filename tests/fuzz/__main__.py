"""Minutes or hours of hostile files: `python -m tests.fuzz CORPUS -max_total_time=600`.

Needs atheris, which is no dependency of ours: pip install atheris. CORPUS is a folder; the files
in it are where the fuzzer begins, and it adds those that reach new code. Finds are written to the
working folder, find-*.glb with what happened beside it; each belongs into tests/glb as a test.
"""

import random
import sys
import traceback
from importlib import import_module
from pathlib import Path

atheris = import_module("atheris")

with atheris.instrument_imports(include=["worker.glb"]):
    from tests.fuzz.mutation import mutated
    from tests.fuzz.ordeal import survive
    from tests.fuzz.seeds import seeds
    from worker.glb import Preset

PRESETS = list(Preset)
BLIND = 0.1  # the share of inputs that the fuzzer changes without knowing what they are


def test_one_input(data: bytes) -> None:
    """The last byte chooses the preset, so that a find says all that is needed to see it again."""
    if not data:
        return
    try:
        survive(data[:-1], PRESETS[data[-1] % len(PRESETS)])
    except Exception as error:  # noqa: BLE001 - any is a find, and the next one is wanted too
        keep_find(error, data)


def keep_find(error: Exception, data: bytes) -> None:
    """One for each line that fails: a fuzzer meets the same fault a thousand times."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    find = Path(f"find-{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}.glb")
    if not find.exists():
        find.write_bytes(data)
        find.with_suffix(".txt").write_text("".join(traceback.format_exception(error)))


def mutate(data: bytes, most: int, seed: int) -> bytes:
    source = random.Random(seed)  # noqa: S311 - not for secrets
    if source.random() < BLIND:
        changed = atheris.Mutate(data, len(data))
        return bytes(changed)
    changed = mutated(data[:-1], source) + bytes([source.randrange(len(PRESETS))])
    return changed if len(changed) <= most else data


def main() -> None:
    corpus = Path(sys.argv[1])
    corpus.mkdir(exist_ok=True)
    for name, data in seeds().items():
        (corpus / f"{name.replace(' ', '-')}.seed").write_bytes(data + b"\1")
    atheris.Setup(sys.argv, test_one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
