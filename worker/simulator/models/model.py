"""A finished model, in every format that is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from worker.simulator.models.formats import WRITERS
from worker.simulator.models.images import Maps, saved
from worker.simulator.models.mesh import Mesh
from worker.simulator.models.sculpture import Sculpture
from worker.simulator.models.textures import Canvas
from worker.simulator.models.thumbnail import thumbnail

USUAL_POLYCOUNT = 30_000
THUMBNAIL_POLYCOUNT = 24_000


@dataclass(frozen=True)
class Model:
    seed: str
    polycount: int
    textured: bool
    pbr: bool
    texture_size: int
    _files: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def file(self, format: str) -> bytes:  # noqa: A002 - what the providers call it
        """In glb, obj, mtl, fbx, stl, usdz or 3mf."""
        if format not in self._files:
            self._files[format] = WRITERS[format](self.mesh, self.maps)
        return self._files[format]

    @property
    def textures(self) -> Mapping[str, bytes]:
        """The maps as files: base_color, and with PBR metallic, roughness and normal."""
        return self.maps.separate

    @property
    def triangles(self) -> int:
        return len(self.mesh.triangles)

    @cached_property
    def thumbnail(self) -> bytes:
        """A PNG of the model, seen from its front right and from a little above."""
        return thumbnail(self._sculpture.mesh(THUMBNAIL_POLYCOUNT), self._canvas)

    @cached_property
    def mesh(self) -> Mesh:
        return self._sculpture.mesh(self.polycount)

    @cached_property
    def maps(self) -> Maps:
        return saved(self._canvas, pbr=self.pbr)

    @cached_property
    def _sculpture(self) -> Sculpture:
        return Sculpture(self.seed)

    @cached_property
    def _canvas(self) -> Canvas | None:
        return self._sculpture.canvas(self.texture_size) if self.textured else None


def make_model(
    seed: str,
    polycount: int | None,
    textured: bool,  # noqa: FBT001 - the caller passes on a request's fields
    pbr: bool,  # noqa: FBT001 - as above
    *,
    texture_size: int = 256,
) -> Model:
    """The same seed is the same shape and paint, whatever else is asked."""
    return Model(seed, polycount or USUAL_POLYCOUNT, textured, pbr, texture_size)
