"""A reader of binary FBX, written apart from the writer that it tests."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PLAIN = {"Y": "<h", "C": "<?", "I": "<i", "F": "<f", "D": "<d", "L": "<q"}
ARRAYS = {"f": "<f4", "d": "<f8", "l": "<i8", "i": "<i4", "b": "<u1"}


@dataclass
class Element:
    name: str
    values: list[Any]
    children: list["Element"] = field(default_factory=list)

    def __getitem__(self, name: str) -> "Element":
        return next(child for child in self.children if child.name == name)

    def all(self, name: str) -> list["Element"]:
        return [child for child in self.children if child.name == name]


class Reader:
    def __init__(self, data: bytes) -> None:
        assert data[:23] == b"Kaydara FBX Binary  \x00\x1a\x00"
        self.version = int.from_bytes(data[23:27], "little")
        self.data, self.at = data, 27
        self.root = Element("", [], self._elements())

    @property
    def rest(self) -> bytes:
        """What follows the tree."""
        return self.data[self.at :]

    def _elements(self) -> list[Element]:
        """Up to the empty element that ends a list."""
        found = []
        while (element := self._element()) is not None:
            found.append(element)
        return found

    def _element(self) -> Element | None:
        end, count, length, name_length = self._take("<IIIB")
        name = self._bytes(name_length).decode()
        if end == 0:
            assert (count, length, name) == (0, 0, "")
            return None
        values_end = self.at + length
        values = [self._value() for _ in range(count)]
        assert self.at == values_end
        children = self._elements() if self.at < end else []
        assert self.at == end
        return Element(name, values, children)

    def _value(self) -> Any:
        kind = self._bytes(1).decode()
        if kind in PLAIN:
            return self._take(PLAIN[kind])[0]
        if kind in "SR":
            content = self._bytes(self._take("<I")[0])
            return content.decode() if kind == "S" else content
        return self._array(ARRAYS[kind])

    def _array(self, kind: str) -> Any:
        length, encoding, size = self._take("<III")
        content = self._bytes(size)
        values = np.frombuffer(zlib.decompress(content) if encoding else content, kind)
        assert len(values) == length
        return values

    def _take(self, pattern: str) -> tuple[Any, ...]:
        return struct.unpack(pattern, self._bytes(struct.calcsize(pattern)))

    def _bytes(self, count: int) -> bytes:
        self.at += count
        assert self.at <= len(self.data)
        return self.data[self.at - count : self.at]
