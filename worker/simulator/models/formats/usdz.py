"""USDZ: a text layer and its pictures, stored so that they can be mapped into memory."""

from worker.simulator.models.arrays import Floats, Indices
from worker.simulator.models.formats.archive import aligned
from worker.simulator.models.formats.text import lines
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

BOUNDARY = 64
SHADER = "/model/material/surface"
FILES = {
    "base_color": "base_color.jpg",
    "roughness": "roughness.png",
    "metallic": "metallic.png",
    "normal": "normal.png",
}
INPUTS = {
    "base_color": ("diffuseColor", "color3f", "rgb"),
    "roughness": ("roughness", "float", "r"),
    "metallic": ("metallic", "float", "r"),
    "normal": ("normal", "normal3f", "rgb"),
}

LAYER = """#usda 1.0
(
    defaultPrim = "model"
    metersPerUnit = 1
    upAxis = "Y"
)

def Xform "model" (
    kind = "component"
)
{{
{mesh}
{material}
}}
"""
MESH = """    def Mesh "mesh" (
        prepend apiSchemas = ["MaterialBindingAPI"]
    )
    {{
        uniform token subdivisionScheme = "none"
        float3[] extent = [{extent}]
        int[] faceVertexCounts = [{counts}]
        int[] faceVertexIndices = [{faces}]
        point3f[] points = [{points}]
        normal3f[] normals = [{normals}] (
            interpolation = "vertex"
        )
{coordinates}        rel material:binding = </model/material>
    }}
"""
COORDINATES = """        texCoord2f[] primvars:st = [{values}] (
            interpolation = "faceVarying"
        )
        int[] primvars:st:indices = [{indices}]
"""
MATERIAL = """    def Material "material"
    {{
        token outputs:surface.connect = <{shader}.outputs:surface>

        def Shader "surface"
        {{
            uniform token info:id = "UsdPreviewSurface"
{inputs}            token outputs:surface
        }}
{textures}    }}
"""
READER = """
        def Shader "reader"
        {
            uniform token info:id = "UsdPrimvarReader_float2"
            string inputs:varname = "st"
            float2 outputs:result
        }
"""
TEXTURE = """
        def Shader "{name}"
        {{
            uniform token info:id = "UsdUVTexture"
            asset inputs:file = @{file}@
            float2 inputs:st.connect = </model/material/reader.outputs:result>
            token inputs:sourceColorSpace = "{space}"
            token inputs:wrapS = "clamp"
            token inputs:wrapT = "clamp"
{scale}            {type} outputs:{channel}
        }}
"""
UNPACKED = """            float4 inputs:scale = (2, 2, 2, 1)
            float4 inputs:bias = (-1, -1, -1, 0)
"""


def usdz(mesh: Mesh, maps: Maps) -> bytes:
    """The layer comes first: that is how a reader knows which file to open."""
    layer = LAYER.format(mesh=_mesh(mesh, textured=bool(maps.separate)), material=_material(maps))
    pictures = {FILES[name]: file for name, file in maps.separate.items()}
    return aligned({"model.usda": layer.encode(), **pictures}, BOUNDARY)


def _mesh(mesh: Mesh, *, textured: bool) -> str:
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    return MESH.format(
        extent=", ".join(str(tuple(corner)) for corner in (low.tolist(), high.tolist())),
        counts=", ".join(["3"] * len(mesh.faces)),
        faces=_tuples("%d, %d, %d, ", mesh.faces),
        points=_tuples("(%.5f, %.5f, %.5f), ", mesh.points),
        normals=_tuples("(%.4f, %.4f, %.4f), ", mesh.normals),
        coordinates=_coordinates(mesh) if textured else "",
    )


def _coordinates(mesh: Mesh) -> str:
    """USD counts a texture's rows from below."""
    upwards = mesh.coordinates * (1, -1) + (0, 1)
    return COORDINATES.format(
        values=_tuples("(%.5f, %.5f), ", upwards), indices=_tuples("%d, %d, %d, ", mesh.triangles)
    )


def _tuples(pattern: str, rows: Floats | Indices) -> str:
    return lines(pattern, rows).removesuffix(", ")


def _material(maps: Maps) -> str:
    inputs = "".join(_input(name) for name in maps.separate)
    if not maps.separate:
        inputs = _constant("color3f", "diffuseColor", "(0.8, 0.8, 0.8)")
    if "roughness" not in maps.separate:
        inputs += _constant("float", "roughness", "0.8")
    textures = "".join(_texture(name) for name in maps.separate)
    shaders = READER + textures if textures else ""
    return MATERIAL.format(shader=SHADER, inputs=inputs, textures=shaders)


def _input(name: str) -> str:
    wanted, kind, channel = INPUTS[name]
    return (
        f"            {kind} inputs:{wanted}.connect = </model/material/{name}.outputs:{channel}>\n"
    )


def _constant(kind: str, name: str, value: str) -> str:
    return f"            {kind} inputs:{name} = {value}\n"


def _texture(name: str) -> str:
    channel = INPUTS[name][2]
    return TEXTURE.format(
        name=name,
        file=FILES[name],
        space="sRGB" if name == "base_color" else "raw",
        scale=UNPACKED if name == "normal" else "",
        type="float3" if channel == "rgb" else "float",
        channel=channel,
    )
