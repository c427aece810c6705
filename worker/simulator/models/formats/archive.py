"""Zip files that are the same every time."""

from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

LOCAL_HEADER = 30  # bytes, before the file's name
EXTRA_HEADER = 4  # bytes, before an extra field's content
PADDING = b"\x86\x19"  # the extra field by which USDZ aligns


def zipped(files: Mapping[str, bytes]) -> bytes:
    target = BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED, compresslevel=4) as archive:
        for name, content in files.items():
            entry = ZipInfo(name)
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, content)
    return target.getvalue()


def aligned(files: Mapping[str, bytes], boundary: int) -> bytes:
    """Stored as they are, each file's content at a multiple of the boundary."""
    target = BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            entry = ZipInfo(name)
            start = target.tell() + LOCAL_HEADER + len(name.encode()) + EXTRA_HEADER
            padding = -start % boundary
            entry.extra = PADDING + padding.to_bytes(2, "little") + bytes(padding)
            archive.writestr(entry, content)
    return target.getvalue()
