"""What stands behind the links of a task."""

import base64
import json
import struct

from worker.simulator.product import Workshop
from worker.simulator.task import Task
from worker.simulator.tripo import objects

GLB_HEADER = struct.Struct("<III")
CHUNK_HEADER = struct.Struct("<II")


def has_file(task: Task, name: str) -> bool:
    if task.resource == "rig-check":
        return False
    return name in (objects.PICTURE, *(f"model.{format_}" for format_ in task.product.formats))


def make_file(workshop: Workshop, task: Task, name: str) -> bytes:
    if name == objects.PICTURE:
        return workshop.thumbnail(task.product)
    format_ = name.rpartition(".")[2]
    if task.resource == "rig" and format_ == "glb":
        return workshop.rig(task.product, animated=False)
    if format_ == "gltf":
        return _with_everything_inside(workshop.file(task.product, "glb"))
    return workshop.file(task.product, format_)


def _with_everything_inside(glb: bytes) -> bytes:
    """The JSON of a GLB, its buffer as data URI."""
    length, _ = CHUNK_HEADER.unpack_from(glb, GLB_HEADER.size)
    begin = GLB_HEADER.size + CHUNK_HEADER.size
    document = json.loads(glb[begin : begin + length])
    buffer = glb[begin + length + CHUNK_HEADER.size :]
    text = base64.b64encode(buffer).decode()
    document["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{text}"
    return json.dumps(document).encode()
