"""The type of an object in the folder, from its key's ending. Nothing that a browser would run."""

from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"
BY_ENDING = {
    ".glb": "model/gltf-binary",
    ".obj": "model/obj",
    ".mtl": "model/mtl",
    ".stl": "model/stl",
    ".3mf": "model/3mf",
    ".usdz": "model/vnd.usdz+zip",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}


def content_type_of(key: str) -> str:
    return BY_ENDING.get(PurePosixPath(key).suffix.lower(), UNKNOWN)
