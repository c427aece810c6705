"""An image as it lies in the file, and what its first bytes say about it. Nothing is decoded."""

import binascii
from base64 import b64decode
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from worker.glb.budget import picture_place
from worker.glb.document import Document
from worker.glb.picture_size import Size, picture_size

PNG, JPEG, WEBP, KTX2, AVIF = "image/png", "image/jpeg", "image/webp", "image/ktx2", "image/avif"
READABLE = (PNG, JPEG, WEBP)
DEEP = 16
FLAT = 0.25
PNG_DEPTH_OFFSET = 24
WEBP_FLAGS_OFFSET = 20
WEBP_ANIMATED, WEBP_METADATA = 2, 4 | 8  # XMP and EXIF


class LeftAloneError(Exception):
    """Only opening the picture showed that it must stay as it is. The message says why."""


@dataclass(frozen=True)
class Source:
    """`data` is None where the bytes are not in this file.

    What takes its time is found out once: images that are the same picture share their source.
    """

    data: memoryview | None
    declared: str
    stored: int  # bytes that it takes in the file, which are more in a data URI
    uri: str = ""

    @property
    def mime(self) -> str:
        """What it is, whatever it is declared to be."""
        return (sniff(self.data) if self.data is not None else "") or self.declared

    @cached_property
    def size(self) -> Size | None:
        return picture_size(self.data) if self.data is not None else None

    @property
    def pixels(self) -> int:
        width, height = self.size or (0, 0)
        return width * height

    @property
    def is_flat(self) -> bool:
        """So few bits a pixel that large areas must be of one colour."""
        return self.stored * 8 < FLAT * self.pixels

    @property
    def is_lossless(self) -> bool:
        return self.mime == PNG or (self.mime == WEBP and b"VP8L" in self.head)

    @property
    def is_deep(self) -> bool:
        """More than 8 bits a channel, which neither WebP nor JPEG can hold."""
        return self.mime == PNG and self.head[PNG_DEPTH_OFFSET] == DEEP

    @property
    def is_animated(self) -> bool:
        if self.mime == WEBP:
            return self.has_flag(WEBP_ANIMATED)
        return self.mime == PNG and b"acTL" in self.head

    @cached_property
    def may_stay(self) -> bool:
        """Its header speaks against working on it, or could only be read together with it all."""
        if self.mime == WEBP:
            return self.has_flag(WEBP_METADATA)
        from worker.glb.textures.picture import check_header  # noqa: PLC0415 - 80 ms, seldom needed

        try:
            check_header(self.data or b"", self.mime)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - damaged pictures make decoders raise anything
            return True
        return False

    def has_flag(self, flag: int) -> bool:
        """Of an extended WebP."""
        return self.head[12:16] == b"VP8X" and bool(self.head[WEBP_FLAGS_OFFSET] & flag)

    @cached_property
    def fingerprint(self) -> bytes:
        return blake2b(self.data or b"", digest_size=16).digest()

    @cached_property
    def copied(self) -> bytes | None:
        return None if self.data is None else bytes(self.data)

    @cached_property
    def head(self) -> bytes:
        """Zeros in place of what a cut off one lacks, as far as anything here is asked for."""
        head = bytes(self.data[:4096]) if self.data is not None else b""
        return head.ljust(PNG_DEPTH_OFFSET + 1, b"\0")


def read_sources(document: Document) -> list[Source]:
    """One an image."""
    views = document.items("bufferViews")
    known: dict[object, Source] = {}
    sources = []
    for index, image in enumerate(document.items("images")):
        place = picture_place(views, image) if "bufferView" in image else index
        if place not in known:
            known[place] = read_source(document, index)
        sources.append(known[place])
    return sources


def read_source(document: Document, index: int) -> Source:
    image = document.item("images", index)
    declared = str(image.get("mimeType", ""))
    if "bufferView" in image:
        if not is_in_file(document, image["bufferView"]):
            return Source(None, declared, 0, "its bytes lie in another file")
        data = document.view(image["bufferView"])
        return Source(data, declared, len(data))
    uri = image.get("uri")
    if not isinstance(uri, str) or not uri.startswith("data:"):
        return Source(None, declared, 0, str(uri or ""))
    return read_data_uri(uri, declared)


def is_in_file(document: Document, view: int) -> bool:
    return document.items("bufferViews")[view]["buffer"] == 0 and document.owns_buffer_0


def read_data_uri(uri: str, declared: str) -> Source:
    head, _, body = uri.partition(",")
    kind = head.removeprefix("data:").split(";")[0]
    try:
        data = memoryview(b64decode(body, validate=True)) if head.endswith(";base64") else None
    except (binascii.Error, ValueError):
        data = None
    return Source(data, declared or kind, len(uri), "a data URI that can't be read")


def sniff(data: memoryview) -> str:
    head = bytes(data[:12])
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return WEBP
    if head.startswith(b"\xabKTX 20\xbb"):
        return KTX2
    return AVIF if head[4:] in (b"ftypavif", b"ftypavis") else ""
