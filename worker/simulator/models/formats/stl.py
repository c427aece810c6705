"""Binary STL: bare triangles."""

import numpy as np

from worker.simulator.models.arrays import cross, normalised
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

HEAD = b"meshqueue simulator".ljust(80, b"\0")
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("unused", "<u2")])


def stl(mesh: Mesh, maps: Maps) -> bytes:
    del maps  # the format has neither colours nor coordinates
    corners = mesh.points[mesh.faces]
    facets = np.zeros(len(corners), FACET)
    facets["corners"] = corners
    facets["normal"] = normalised(
        cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    )
    return HEAD + len(facets).to_bytes(4, "little") + facets.tobytes()
