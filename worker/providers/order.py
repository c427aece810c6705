"""What a stage asks of a provider: built from a job by the pipeline, sent by the provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Angle = Literal["front", "left", "back", "right", "top", "bottom"]
Topology = Literal["triangle", "quad"]


class Stage(StrEnum):
    """The stages that a provider works on; DELIVER is our own."""

    PREVIEW = "PREVIEW"
    REFINE = "REFINE"
    REMESH = "REMESH"
    GENERATE = "GENERATE"
    CONCEPT = "CONCEPT"
    RIG = "RIG"


MOST_PICTURE_BYTES = 20 * 1024 * 1024
"""Of a file that a user gives: as many as the bucket `inputs` takes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An input image, already prepared by `worker.providers.images`."""

    data: bytes = field(repr=False)
    content_type: Literal["image/jpeg", "image/png"]
    angle: Angle | None = None


@dataclass(frozen=True, slots=True)
class Order:
    stage: Stage
    prompt: str = ""
    negative_prompt: str = ""
    art_style: str = ""
    pictures: tuple[Picture, ...] = ()
    textured: bool = True
    pbr: bool = False
    texture_prompt: str = ""
    polycount: int | None = None
    topology: Topology = "triangle"
    formats: tuple[str, ...] = ("glb",)
    """What the result must contain: GLB always, and in the last stage what the user asked."""
    moderation: bool = True
    source: "Task | None" = None
    """The finished task that this stage builds on."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the provider works on. `resource` says where it is looked up."""

    resource: str
    id: str


@dataclass(frozen=True, slots=True)
class Step:
    """One paid request of a stage, ready to be sent. Some stages need one after the other."""

    name: str
    resource: str
    body: Mapping[str, Any] = field(repr=False)
    content: Mapping[str, Any]
    """What is written into the journal before the request is sent: small, and enough to know the
    task again in the provider's list. Never a picture's bytes."""
    expected_credits: float | None = None
