"""Wavefront OBJ and its material."""

import numpy as np

from worker.simulator.models.formats.text import lines
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

MATERIAL = "model.mtl"
PICTURES = {
    "base_color": ("map_Kd", "base_color.jpg"),
    "roughness": ("map_Pr", "roughness.png"),
    "metallic": ("map_Pm", "metallic.png"),
    "normal": ("norm", "normal.png"),
}


def obj(mesh: Mesh, maps: Maps) -> bytes:
    """A textured one numbers its texture's corners apart from its points."""
    head = f"mtllib {MATERIAL}\no model\n"
    body = lines("v %.5f %.5f %.5f\n", mesh.points) + lines("vn %.4f %.4f %.4f\n", mesh.normals)
    return (head + body + _faces(mesh, textured=bool(maps.separate))).encode()


def _faces(mesh: Mesh, *, textured: bool) -> str:
    use, points = "usemtl material\n", mesh.faces + 1
    if not textured:
        return use + lines("f %d//%d %d//%d %d//%d\n", np.repeat(points, 2, axis=1))
    upwards = mesh.coordinates * (1, -1) + (0, 1)
    numbers = np.stack([points, mesh.triangles + 1, points], axis=-1).reshape(-1, 9)
    faces = lines("f %d/%d/%d %d/%d/%d %d/%d/%d\n", numbers)
    return lines("vt %.5f %.5f\n", upwards) + use + faces


def mtl(mesh: Mesh, maps: Maps) -> bytes:
    del mesh  # every writer is given it
    pictures = [" ".join(PICTURES[name]) for name in maps.separate]
    colour = "Kd 1 1 1" if maps.separate else "Kd 0.8 0.8 0.8"
    return "\n".join(["newmtl material", colour, "d 1", "illum 2", *pictures, ""]).encode()
