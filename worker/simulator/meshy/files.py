"""What stands behind the links of a task."""

from dataclasses import replace
from io import BytesIO

from PIL import Image

from worker.simulator.meshy import objects
from worker.simulator.product import Workshop
from worker.simulator.task import Task

PICTURES = ("preview.png", "alpha_preview.png", *(f"{view}.png" for view in objects.VIEWS))
NO_BLENDER = b"BLENDER-v402ENDB"  # nobody here can write that format; its name and its end


def has_file(task: Task, name: str) -> bool:
    if task.resource == "rigging":
        return name in objects.rig_files()
    textures = [
        objects.texture_file(role) for role in ("base_color", "emission", *task.product.maps)
    ]
    return name in PICTURES or name in textures or name in objects.file_names(task)


def make_file(workshop: Workshop, task: Task, name: str) -> bytes:
    stem, _, extension = name.rpartition(".")
    if name in PICTURES:
        return workshop.thumbnail(task.product)
    if stem == "texture_emission":
        return _dark()
    if stem.startswith("texture_"):
        textured = replace(task.product, textured=True)
        return workshop.texture(textured, stem.removeprefix("texture_"))
    if task.resource == "rigging" and extension == "glb":
        return workshop.rig(task.product, animated=not stem.startswith("rigged"))
    if extension == "blend":
        return NO_BLENDER
    return workshop.file(task.product, extension)


def _dark() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG")
    return buffer.getvalue()
