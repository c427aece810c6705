"""The file formats: triangles and maps in, bytes out."""

from collections.abc import Callable, Mapping

from worker.simulator.models.formats.fbx import fbx
from worker.simulator.models.formats.glb import glb
from worker.simulator.models.formats.obj import mtl, obj
from worker.simulator.models.formats.stl import stl
from worker.simulator.models.formats.threemf import threemf
from worker.simulator.models.formats.usdz import usdz
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

Writer = Callable[[Mesh, Maps], bytes]

WRITERS: Mapping[str, Writer] = {
    "glb": glb,
    "obj": obj,
    "mtl": mtl,
    "fbx": fbx,
    "stl": stl,
    "usdz": usdz,
    "3mf": threemf,
}
