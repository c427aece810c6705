"""The extensions whose indices are known. Any other may hold indices that nobody can find.

KNOWN names each extension with the paths, below its own object, that lead to accessors and buffer
views, or to what we follow. Indices of textures, nodes and the like are never renumbered, so they
need no path; the same holds for the pointers of KHR_animation_pointer.

Left out on purpose, and so unknown: EXT_mesh_manifold and EXT_mesh_primitive_edge_visibility, which
mean vertices and edges by their numbers, and OMI_audio_emitter, whose drafts differ in the place of
their sounds.
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.paths import EACH, VALUES, Path

Paths = tuple[tuple[Path, str], ...]

WITHOUT_BINARY_DATA = """
ADOBE_materials_clearcoat_specular ADOBE_materials_clearcoat_tint ADOBE_materials_thin_transparency
AGI_articulations AGI_stk_metadata EXT_instance_features EXT_lights_image_based
EXT_materials_bump
EXT_texture_astc EXT_texture_video FB_geometry_metadata FB_ngon_encoding FB_material_unlit
GODOT_single_root KHR_animation_pointer KHR_implicit_shapes KHR_lights_punctual
KHR_materials_anisotropy KHR_materials_clearcoat KHR_materials_common
KHR_materials_diffuse_transmission KHR_materials_dispersion KHR_materials_emissive_strength
KHR_materials_ior KHR_materials_iridescence KHR_materials_pbrSpecularGlossiness
KHR_materials_sheen KHR_materials_specular KHR_materials_subsurface KHR_materials_transmission
KHR_materials_unlit KHR_materials_volume KHR_materials_volume_scatter
KHR_mesh_quantization KHR_node_hoverability KHR_node_selectability KHR_node_visibility
KHR_physics_rigid_bodies KHR_texture_procedurals KHR_texture_transform KHR_xmp
KHR_xmp_json_ld MSFT_lod MSFT_packing_normalRoughnessMetallic
MSFT_packing_occlusionRoughnessMetallic MX_translation_control_points
OMI_collider OMI_link OMI_physics_body OMI_physics_gravity OMI_physics_joint
OMI_physics_shape OMI_seat OMI_spawn_point OMI_vehicle_body OMI_vehicle_wheel VRM
VRMC_materials_mtoon VRMC_node_constraint VRMC_springBone VRMC_vrm
""".split()  # noqa: SIM905 - seventy names, a line each, would bury the rest

VIEWS, ACCESSORS = "bufferViews", "accessors"
SOURCE: Paths = ((("source",), "images"),)
KNOWN: dict[str, Paths] = dict.fromkeys(WITHOUT_BINARY_DATA, ()) | {
    "CESIUM_primitive_outline": ((("indices",), ACCESSORS),),
    "EXT_lights_ies": ((("lights", EACH, "bufferView"), VIEWS),),
    "EXT_mesh_gpu_instancing": ((("attributes", VALUES), ACCESSORS),),
    "EXT_mesh_features": ((("featureIds", EACH, "texture", "index"), "textures"),),
    "EXT_meshopt_compression": (),  # names a buffer, and those keep their numbers
    "EXT_structural_metadata": tuple(
        (("propertyTables", EACH, "properties", VALUES, name), VIEWS)
        for name in ("values", "arrayOffsets", "stringOffsets")
    ),
    "EXT_texture_avif": SOURCE,
    "EXT_texture_webp": SOURCE,
    "KHR_audio": tuple(  # early files hold the bytes of a sound in its source
        ((name, EACH, "bufferView"), VIEWS) for name in ("audio", "sources")
    ),
    "KHR_audio_emitter": ((("audio", EACH, "bufferView"), VIEWS),),
    "KHR_draco_mesh_compression": ((("bufferView",), VIEWS),),
    "KHR_materials_variants": ((("mappings", EACH, "material"), "materials"),),
    "KHR_meshopt_compression": (),
    "KHR_texture_basisu": SOURCE,
    "MSFT_audio_emitter": ((("clips", EACH, "bufferView"), VIEWS),),
    "MSFT_texture_dds": SOURCE,
}

# A primitive with another extension than these may depend on the order of its vertices.
KEEP_THROUGH_REORDERING = frozenset({"EXT_structural_metadata", "KHR_materials_variants"})
# Under these keys stands whatever the author likes, also what only looks like an extension.
FREE_FORM = frozenset({"extras", "KHR_xmp", "KHR_xmp_json_ld"})
# Metadata has names of the author's choice under these: an object held there has no extensions, but
# one of its items may be called so.
METADATA = "EXT_structural_metadata"
NAMED = frozenset({"classes", "enums", "properties"})
COMPRESSED_VIEW = frozenset({"EXT_meshopt_compression", "KHR_meshopt_compression"})


class Use(NamedTuple):
    name: str
    payload: Any  # an object wherever the extension is known


def extension_uses(document: Document) -> list[Use]:
    """Every extension object in the file, wherever it hangs."""
    text = bytes(document.json)
    if b'"extensions"' not in text and b"\\u" not in text:
        return []
    metadata: list[object] = []
    uses = list(search(document.root, metadata))
    for payload in metadata:  # more are found on the way
        uses += search(payload, metadata, NAMED)
    return uses


def search(
    root: object, metadata: list[object], named: frozenset[str] = frozenset()
) -> Iterator[Use]:
    apart = FREE_FORM | {METADATA} | named
    stack: list[object] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(child for child in item if type(child) in (dict, list))
        elif isinstance(item, dict):
            stack.extend(child for key, child in item.items() if key not in apart)
            for key in named and named & item.keys():
                stack += values_of(item[key])
            if METADATA in item:
                metadata.append(item[METADATA])
            yield from uses_in(item)


def values_of(item: object) -> Collection[object]:
    return item.values() if isinstance(item, dict) else [item]


def uses_in(item: Json) -> Iterator[Use]:
    """Where there are none, some write null."""
    held = item.get("extensions", {})
    if held is None:
        held = {}
        del item["extensions"]
    if not isinstance(held, dict):
        raise GlbError("extensions", "must be an object")
    for name, payload in held.items():
        if name in KNOWN and not isinstance(payload, dict):
            raise GlbError(name, "an extension must be an object")
        yield Use(name, payload)


def names_bytes(use: Use) -> bool:
    """Such a place means other bytes once they are moved."""
    stack: list[object] = [use.payload]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if "byteOffset" in item or "buffer" in item:
                return True
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(child for child in item if type(child) in (dict, list))
    return False


def unknown_extensions(document: Document, uses: list[Use]) -> list[str]:
    names = {use.name for use in uses}
    names.update(document.root.get("extensionsUsed", ()), document.extensions_required)
    return sorted(names - KNOWN.keys())
