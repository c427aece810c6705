"""Models that are ZIP files. Nothing is unpacked: the directory at the end says enough."""

from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from worker.optimising.kinds.sample import Sample, UnsoundError

USD_LAYERS = (".usd", ".usda", ".usdc")
TYPES_OF_3MF = "[Content_Types].xml"


def check_usdz(path: Path, sample: Sample) -> dict[str, Any]:
    """The first entry is the layer that readers open; they map it, so it may not be packed."""
    del sample
    first = entries(path, "USDZ")[0]
    if not first.filename.lower().endswith(USD_LAYERS):
        raise UnsoundError("the USDZ file does not begin with a USD layer")
    if first.compress_type != ZIP_STORED:
        raise UnsoundError("the USDZ file is compressed, which readers refuse")
    return {}


def check_3mf(path: Path, sample: Sample) -> dict[str, Any]:
    del sample
    if not any(is_of_3mf(entry.filename) for entry in entries(path, "3MF")):
        raise UnsoundError("the 3MF file has no model in it")
    return {}


def is_of_3mf(name: str) -> bool:
    lower = name.lower()
    return name == TYPES_OF_3MF or (lower.startswith("3d/") and lower.endswith(".model"))


def entries(path: Path, kind: str) -> list[ZipInfo]:
    """In the order of the file."""
    try:
        with ZipFile(path) as archive:
            found = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    except (BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError):
        raise UnsoundError(f"it is no {kind} file, or it is truncated") from None
    if not found:
        raise UnsoundError(f"the {kind} file has nothing in it")
    return found
