"""3MF for printers: millimetres, upright on the plate, bare geometry."""

from worker.simulator.models.formats.archive import zipped
from worker.simulator.models.formats.text import lines
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

SIZE = 50.0  # millimetres for one unit: the usual model is 95 long

TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>
"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="rel0"
 Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>
"""
MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en-GB"
 xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">
<resources><object id="1" type="model"><mesh>
<vertices>
{vertices}</vertices>
<triangles>
{triangles}</triangles>
</mesh></object></resources>
<build><item objectid="1"/></build>
</model>
"""


def threemf(mesh: Mesh, maps: Maps) -> bytes:
    del maps  # the core of the format has no textures
    return zipped(
        {
            "[Content_Types].xml": TYPES.encode(),
            "_rels/.rels": RELATIONS.encode(),
            "3D/3dmodel.model": _model(mesh).encode(),
        }
    )


def _model(mesh: Mesh) -> str:
    upright = mesh.points[:, [0, 2, 1]] * (1, -1, 1)
    standing = (upright - upright.min(axis=0)) * SIZE
    return MODEL.format(
        vertices=lines('<vertex x="%.4f" y="%.4f" z="%.4f"/>\n', standing),
        triangles=lines('<triangle v1="%d" v2="%d" v3="%d"/>\n', mesh.faces),
    )
