"""Textures whose texels are numbers: the ids of features, and measured properties."""

from collections.abc import Iterator

from worker.glb.container import Json
from worker.glb.extensions import METADATA

MEASURING = frozenset({"EXT_mesh_features", METADATA})


def measuring_infos(root: object) -> Iterator[Json]:
    """All `{"index": …, "texCoord": …, "channels": …}` below that name such a texture.

    Where only the first channel is read, `channels` may be missing: then the extension tells.
    """
    stack: list[tuple[object, bool]] = [(root, False)]
    while stack:
        item, measures = stack.pop()
        if isinstance(item, dict):
            stack.extend((child, measures or key in MEASURING) for key, child in item.items())
            if type(item.get("index")) is int and (measures or "channels" in item):
                yield item
        elif isinstance(item, list):
            stack.extend((child, measures) for child in item if isinstance(child, dict | list))
