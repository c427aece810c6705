"""What a peer's output lost: a file that is small because something is missing is no measure."""

from pathlib import Path

from tests.bench.glb.contents import Contents
from tests.glb.conformance.comparison import compare
from tests.glb.conformance.decoded import UndecodableError
from tests.glb.conformance.judges import Judges
from tests.glb.conformance.promise import new_errors


def loss(judges: Judges, source: Path, output: Path) -> str:
    """The first thing found, or nothing."""
    gone = extensions(source) - extensions(output)
    if gone:
        return f"drops {', '.join(sorted(gone))}"
    if name := extension_led_astray(Contents.read(source), Contents.read(output)):
        return f"leaves {name} with other bytes"
    before, after = judges.errors([source, output])
    if errors := new_errors(before, after):
        return errors[0]
    return loss_of_geometry(judges, source, output)


def extension_led_astray(source: Contents, output: Contents) -> str:
    """One that the tool does not know, whose number means another buffer view afterwards."""
    for name, payload in source.json.get("extensions", {}).items():
        place = payload.get("bufferView")
        kept = output.json.get("extensions", {}).get(name, {}).get("bufferView")
        if place is not None and (kept is None or output.view(kept) != source.view(place)):
            return str(name)
    return ""


def extensions(path: Path) -> set[str]:
    return set(Contents.read(path).json.get("extensionsUsed", ()))


def loss_of_geometry(judges: Judges, source: Path, output: Path) -> str:
    try:
        difference = compare(*judges.decode([source, output]))
    except UndecodableError as error:
        return str(error)
    if difference.lost:
        return f"{difference.lost} triangles"
    return f"changes {difference.other[0]}" if difference.other else ""
