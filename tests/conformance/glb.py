import json
import struct
from dataclasses import dataclass
from typing import Any

JSON_CHUNK = 0x4E4F534A
TRIANGLES = 4


@dataclass(frozen=True)
class Glb:
    """The JSON half of a GLB, read by the file format's own rules."""

    document: dict[str, Any]

    @classmethod
    def read(cls, content: bytes) -> "Glb":
        magic, version, length = struct.unpack_from("<4sII", content)
        assert (magic, version, length) == (b"glTF", 2, len(content))
        size, kind = struct.unpack_from("<II", content, 12)
        assert kind == JSON_CHUNK
        return cls(json.loads(content[20 : 20 + size]))

    @property
    def primitives(self) -> list[dict[str, Any]]:
        return [one for mesh in self.document["meshes"] for one in mesh["primitives"]]

    @property
    def attributes(self) -> set[str]:
        return set.intersection(*(set(one["attributes"]) for one in self.primitives))

    @property
    def triangles(self) -> int:
        return sum(self._corners(one) // 3 for one in self.primitives)

    @property
    def extensions(self) -> set[str]:
        return set(self.document.get("extensionsUsed", ()))

    def _corners(self, primitive: dict[str, Any]) -> int:
        assert primitive.get("mode", TRIANGLES) == TRIANGLES
        accessor = primitive.get("indices", primitive["attributes"]["POSITION"])
        count: int = self.document["accessors"][accessor]["count"]
        return count
