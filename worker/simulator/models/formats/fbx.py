"""Binary FBX with one mesh, one material, and its pictures inside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from worker.simulator.models.formats.fbx_tree import (
    CREATION_TIME,
    FILE_ID,
    VERSION,
    Array,
    Long,
    Node,
    Value,
    file,
    node,
)
from worker.simulator.models.images import Maps
from worker.simulator.models.mesh import Mesh

CREATOR = "meshqueue simulator"
GEOMETRY, MODEL, MATERIAL, FIRST_PICTURE = 1001, 1002, 1003, 1100
CENTIMETRES = 100.0  # in one unit: a metre
SLOTS = {
    "base_color": ("DiffuseColor", "base_color.jpg"),
    "roughness": ("ShininessExponent", "roughness.png"),
    "metallic": ("ReflectionFactor", "metallic.png"),
    "normal": ("NormalMap", "normal.png"),
}


def fbx(mesh: Mesh, maps: Maps) -> bytes:
    pictures = [
        _Picture(name, content, FIRST_PICTURE + 2 * index)
        for index, (name, content) in enumerate(maps.separate.items())
    ]
    return file(
        [
            *_introduction(),
            _definitions(len(pictures)),
            node("Objects", children=_objects(mesh, pictures)),
            node("Connections", children=list(_connections(pictures))),
        ]
    )


@dataclass(frozen=True)
class _Picture:
    name: str
    content: bytes
    texture: int

    @property
    def video(self) -> int:
        return self.texture + 1

    @property
    def slot(self) -> str:
        return SLOTS[self.name][0]

    @property
    def file(self) -> str:
        return SLOTS[self.name][1]


def _introduction() -> list[Node]:
    versions = [
        node("FBXHeaderVersion", 1003),
        node("FBXVersion", VERSION),
        node("Creator", CREATOR),
    ]
    return [
        node("FBXHeaderExtension", children=versions),
        node("FileId", FILE_ID),
        node("CreationTime", CREATION_TIME),
        node("Creator", CREATOR),
        node("GlobalSettings", children=[node("Version", 1000), _properties(*_axes())]),
        _documents(),
        node("References"),
    ]


def _axes() -> list[Node]:
    """Y is up, +Z in front, as in glTF."""
    axes = {"UpAxis": 1, "FrontAxis": 2, "CoordAxis": 0}
    signs = {f"{name}Sign": 1 for name in axes}
    whole = [_property(name, "int", "Integer", value) for name, value in {**axes, **signs}.items()]
    return [*whole, _property("UnitScaleFactor", "double", "Number", CENTIMETRES)]


def _documents() -> Node:
    scene = node("Document", Long(1), "", "Scene", children=[node("RootNode", Long(0))])
    return node("Documents", children=[node("Count", 1), scene])


def _definitions(pictures: int) -> Node:
    counts = {"GlobalSettings": 1, "Geometry": 1, "Model": 1, "Material": 1}
    counts |= {"Texture": pictures, "Video": pictures} if pictures else {}
    kinds = [
        node("ObjectType", kind, children=[node("Count", count)]) for kind, count in counts.items()
    ]
    total = sum(counts.values())
    return node("Definitions", children=[node("Version", 100), node("Count", total), *kinds])


def _objects(mesh: Mesh, pictures: Sequence[_Picture]) -> list[Node]:
    geometry = [
        node("GeometryVersion", 124),
        node("Vertices", mesh.points.ravel()),
        node("PolygonVertexIndex", _polygons(mesh)),
        *_layers(mesh, textured=bool(pictures)),
    ]
    return [
        node("Geometry", Long(GEOMETRY), _named("model", "Geometry"), "Mesh", children=geometry),
        _object(MODEL, "Model", "Mesh", [node("Version", 232), _properties()]),
        _object(MATERIAL, "Material", "", _material()),
        *(_texture(picture) for picture in pictures),
        *(_video(picture) for picture in pictures),
    ]


def _object(number: int, kind: str, form: str, children: Sequence[Node]) -> Node:
    return node(kind, Long(number), _named(kind.lower(), kind), form, children=children)


def _named(name: str, kind: str) -> str:
    return f"{name}\0\x01{kind}"


def _polygons(mesh: Mesh) -> Array:
    """The last corner of each polygon is marked by the complement of its number."""
    corners = mesh.faces.astype(np.int32)
    corners[:, 2] = ~corners[:, 2]
    return corners.ravel()


def _layers(mesh: Mesh, *, textured: bool) -> list[Node]:
    layers = [
        _layer("Normal", 101, "ByVertice", "Direct", node("Normals", mesh.normals.ravel())),
        _layer(
            "Material", 101, "AllSame", "IndexToDirect", node("Materials", np.zeros(1, np.int32))
        ),
    ]
    if textured:
        layers.append(_coordinates(mesh))
    elements = [
        node("LayerElement", children=[node("Type", layer.name), node("TypedIndex", 0)])
        for layer in layers
    ]
    return [*layers, node("Layer", 0, children=[node("Version", 100), *elements])]


def _layer(kind: str, version: int, mapping: str, reference: str, *values: Node) -> Node:
    facts = [
        node("Version", version),
        node("Name", ""),
        node("MappingInformationType", mapping),
        node("ReferenceInformationType", reference),
    ]
    return node(f"LayerElement{kind}", 0, children=[*facts, *values])


def _coordinates(mesh: Mesh) -> Node:
    """FBX counts a texture's rows from below."""
    upwards = mesh.coordinates * (1, -1) + (0, 1)
    return _layer(
        "UV",
        101,
        "ByPolygonVertex",
        "IndexToDirect",
        node("UV", upwards.ravel()),
        node("UVIndex", mesh.triangles.astype(np.int32).ravel()),
    )


def _material() -> list[Node]:
    grey = _property("DiffuseColor", "Color", "", 0.8, 0.8, 0.8, flags="A")
    model = [node("Version", 102), node("ShadingModel", "phong"), node("MultiLayer", 0)]
    return [*model, _properties(grey)]


def _texture(picture: _Picture) -> Node:
    children = [
        node("Type", "TextureVideoClip"),
        node("Version", 202),
        node("TextureName", _named(picture.name, "Texture")),
        node("Media", _named(picture.name, "Video")),
        node("FileName", picture.file),
        node("RelativeFilename", picture.file),
    ]
    return node(
        "Texture", Long(picture.texture), _named(picture.name, "Texture"), "", children=children
    )


def _video(picture: _Picture) -> Node:
    children = [
        node("Type", "Clip"),
        node("FileName", picture.file),
        node("RelativeFilename", picture.file),
        node("Content", picture.content),
    ]
    return node(
        "Video", Long(picture.video), _named(picture.name, "Video"), "Clip", children=children
    )


def _connections(pictures: Sequence[_Picture]) -> Iterator[Node]:
    yield _connection(MODEL, 0)
    yield _connection(GEOMETRY, MODEL)
    yield _connection(MATERIAL, MODEL)
    for picture in pictures:
        yield node("C", "OP", Long(picture.texture), Long(MATERIAL), picture.slot)
        yield _connection(picture.video, picture.texture)


def _connection(child: int, parent: int) -> Node:
    return node("C", "OO", Long(child), Long(parent))


def _properties(*properties: Node) -> Node:
    return node("Properties70", children=properties)


def _property(name: str, kind: str, label: str, *values: Value, flags: str = "") -> Node:
    return node("P", name, kind, label, flags, *values)
