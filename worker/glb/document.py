"""A glTF document: the parsed JSON over the bytes of the file."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from worker.glb.container import Buffer, Chunk, Json, read_container
from worker.glb.errors import GlbError


class Document(NamedTuple):
    """`root` is ours to change; `binary` is a view of the caller's bytes and never is."""

    root: Json
    json: memoryview
    binary: memoryview
    extra: tuple[Chunk, ...]
    size: int

    @classmethod
    def read(cls, data: Buffer) -> "Document":
        container = read_container(data)
        return cls(
            container.root,
            container.json,
            container.binary,
            container.extra,
            memoryview(data).nbytes,
        )

    def items(self, kind: str) -> list[Json]:
        """The objects of a top-level array such as `images`; empty where there is none."""
        found = self.root.get(kind, [])
        if not isinstance(found, list):
            raise GlbError(kind, "must be an array")
        return found

    def item(self, kind: str, index: Any) -> Json:
        found = self.items(kind)
        if type(index) is not int or not 0 <= index < len(found):
            raise GlbError(kind, f"there is no {index!r} among {len(found)}")
        if not isinstance(found[index], dict):
            raise GlbError(f"{kind} {index}", "must be an object")
        return found[index]

    def view(self, index: int) -> memoryview:
        """The bytes of a buffer view, without copying."""
        view = self.item("bufferViews", index)
        if view.get("buffer") != 0 or not self.owns_buffer_0:
            raise GlbError(f"bufferView {index}", "its bytes are not in this file")
        start, length = view.get("byteOffset", 0), view.get("byteLength")
        if type(start) is not int or type(length) is not int or start < 0 or length < 0:
            raise GlbError(f"bufferView {index}", "byteOffset and byteLength must be whole numbers")
        if start + length > len(self.binary):
            raise GlbError(
                f"bufferView {index}", f"ends at {start + length} of {len(self.binary)} bytes"
            )
        return self.binary[start : start + length]

    @property
    def owns_buffer_0(self) -> bool:
        """Only a first buffer without a URI is the BIN chunk."""
        buffers = self.items("buffers")
        return bool(buffers) and "uri" not in buffers[0]

    @property
    def extensions_required(self) -> Sequence[str]:
        required: Sequence[str] = self.root.get("extensionsRequired", ())
        return required
