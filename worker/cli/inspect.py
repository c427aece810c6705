"""`meshqueue inspect`."""

import sys
from argparse import ArgumentParser

from worker.errors import ModelFileError
from worker.glb.checks.check import check
from worker.glb.errors import GlbError
from worker.offline.errands import place_of
from worker.offline.findings_text import as_json, as_text
from worker.offline.place import read
from worker.offline.printable import printable


def inspect(arguments: list[str]) -> None:
    """Say what is in a GLB file, what each part weighs, and what is wrong or wasteful in it."""
    wanted = parser().parse_args(arguments)
    data = read(place_of(wanted.source))
    try:
        findings = check(data)
    except GlbError as error:
        raise ModelFileError(printable(f"{wanted.source}: {error}")) from None
    text = as_json if wanted.json else as_text
    sys.stdout.write(text(wanted.source, findings) + "\n")


def parser() -> ArgumentParser:
    found = ArgumentParser("meshqueue inspect", description=inspect.__doc__)
    found.add_argument("source", metavar="FILE", help="a GLB file, or - for standard input")
    found.add_argument("--json", action="store_true", help="print JSON instead of text")
    return found
