"""Files that clients upload: kept for a day, named by a token."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.simulator.call import Refusal
from worker.simulator.clock import Clock
from worker.simulator.inputs import BadInput, Picture, read_picture
from worker.simulator.tripo import errors

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_MODEL_BYTES = 150 * 1024 * 1024
SHORTEST_SIDE, LONGEST_SIDE = 20, 6000
IMAGE_FORMATS = ("JPEG", "PNG", "WEBP")
MODEL_ENDINGS = (".glb", ".gltf", ".fbx", ".obj", ".stl")
PRESIGNED_SECONDS = 1800


@dataclass(slots=True)
class Upload:
    token: str
    created: float
    digest: str = ""
    is_image: bool = False
    arrived: bool = False


class Shelf:
    def __init__(self, clock: Clock, lifetime: Callable[[], float]) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._uploads: dict[str, Upload] = {}

    def reserve(self, token: str) -> Upload:
        upload = self._uploads[token] = Upload(token, self._clock.seconds())
        return upload

    def find(self, token: str) -> Upload | None:
        upload = self._uploads.get(token)
        if upload is None or self._clock.seconds() >= upload.created + self._lifetime():
            return None
        return upload


def check_file(name: str, data: bytes) -> bool:
    """Whether it is an image; a refusal if it is neither that nor a model."""
    if not data:
        raise errors.empty_file()
    if name.lower().endswith(MODEL_ENDINGS):
        _check_size(data, MAX_MODEL_BYTES)
        return False
    _check_size(data, MAX_IMAGE_BYTES)
    _check_sides(_picture(data))
    return True


def _picture(data: bytes) -> Picture:
    try:
        return read_picture(data, IMAGE_FORMATS)
    except BadInput:
        raise errors.file_type() from None


def _check_size(data: bytes, most: int) -> None:
    if len(data) > most:
        raise errors.file_size(f"The file is larger than {most // 1024 // 1024} MB")


def _check_sides(picture: Picture) -> None:
    sides = (picture.width, picture.height)
    if min(sides) < SHORTEST_SIDE or max(sides) > LONGEST_SIDE:
        raise Refusal(400, f"Sides must be {SHORTEST_SIDE} to {LONGEST_SIDE} pixels", 2022)
