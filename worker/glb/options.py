"""What the caller wants; a preset is nothing but a choice of these."""

from dataclasses import dataclass
from enum import StrEnum


class Preset(StrEnum):
    SAFE = "safe"  # core glTF only: nothing that a loader could refuse
    BALANCED = "balanced"  # Draco; textures without loss
    WEB = "web"  # Draco; textures as small as the eye allows
    SMALL = "small"  # as web, with more patience, coarser and smaller textures
    PLAIN = "plain"  # no compression at all, for tools that refuse it; also undoes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Bits that are None are chosen from the mesh and its textures, within the stated bounds."""

    preset: Preset = Preset.BALANCED
    geometry: bool = True
    textures: bool = True
    position_bits: int | None = None
    normal_bits: int | None = None
    uv_bits: int | None = None
    max_texture: int | None = None
    without: frozenset[str] = frozenset()  # names of extensions that must not be added
    threads: int = 2

    def __post_init__(self) -> None:
        """The name of a preset is as good as the preset itself."""
        object.__setattr__(self, "preset", Preset(self.preset))

    @property
    def draco(self) -> bool:
        wanted = self.preset not in (Preset.SAFE, Preset.PLAIN)
        return wanted and "KHR_draco_mesh_compression" not in self.without

    @property
    def tries_hard(self) -> bool:
        return self.preset is Preset.SMALL
