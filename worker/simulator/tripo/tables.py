"""The fields of each create call. A field that its table does not name is refused."""

from worker.simulator.fields import Field, choice, flag, number, several, text, whole

H_SERIES = ("v3.1-20260211", "v3.0-20250812", "v2.5-20250123")
P_SERIES = ("P1-20260311", "P2-20260801")
QUALITIES = ("standard", "detailed", "extreme")
ANY_OBJECT = Field((dict,))
ANY_LIST = Field((list,))

MODEL: dict[str, Field] = {
    "model": choice(*H_SERIES, *P_SERIES, required=True),
    "model_seed": whole(0),
    "texture_seed": whole(0),
    "face_limit": whole(1),
    "texture": flag(),
    "pbr": flag(),
    "texture_quality": choice(*QUALITIES),
    "geometry_quality": choice("standard", "detailed"),
    "auto_size": flag(),
    "quad": flag(),
    "smart_low_poly": flag(),
    "generate_parts": flag(),
    "compress": choice("geometry"),
    "export_uv": flag(),
    "return_multiview": flag(),
    "render_video": flag(),
    "render_sequence": flag(),
    "check_printable": flag(),
    "texture_version": text(),
    "export_orientation": text(),
}
FROM_TEXT: dict[str, Field] = {
    "prompt": text(1024, required=True),
    "negative_prompt": text(255),
    "image_seed": whole(0),
    "style_image": text(),
    **MODEL,
}
FROM_IMAGE: dict[str, Field] = {
    "input": text(),
    "file": ANY_OBJECT,
    "enable_image_autofix": flag(),
    "orientation": choice("default", "align_image"),
    "texture_alignment": choice("original_image", "geometry"),
    **MODEL,
}
FROM_VIEWS: dict[str, Field] = {
    "inputs": ANY_LIST,
    "original_model_task_id": text(),
    "files": ANY_LIST,
    "orthographic_projection": flag(),
    "orientation": choice("default", "align_image"),
    "texture_alignment": choice("original_image", "geometry"),
    **MODEL,
}
# v3 still takes the names that v2 had for it.
SOURCE: dict[str, Field] = {"input": text(), "original_model_task_id": text()}
TEXTURE: dict[str, Field] = {
    **SOURCE,
    "model": choice("v3.5-20260815", "v3.0-20250812", "v2.5-20250123"),
    "model_seed": whole(0),
    "delight": flag(),
    "texture_prompt": ANY_OBJECT,
    "texture": flag(),
    "pbr": flag(),
    "texture_quality": choice(*QUALITIES),
    "texture_alignment": choice("original_image", "geometry"),
    "texture_seed": whole(0),
    "part_names": several(text()),
    "compress": choice("geometry"),
    "bake": flag(),
}
CONVERT: dict[str, Field] = {
    **SOURCE,
    "format": choice("GLTF", "USDZ", "FBX", "OBJ", "STL", "3MF", required=True),
    "quad": flag(),
    "force_symmetry": flag(),
    "face_limit": whole(1),
    "flatten_bottom": flag(),
    "flatten_bottom_threshold": number(0),
    "texture_size": whole(1),
    "texture_format": choice("BMP", "DPX", "HDR", "JPEG", "PNG", "TARGA", "TIFF", "WEBP"),
    "bake": flag(),
    "pack_uv": flag(),
    "pivot_to_center_bottom": flag(),
    "scale_factor": number(0),
    "with_animation": flag(),
    "animate_in_place": flag(),
    "part_names": several(text()),
    "export_vertex_colors": flag(),
    "export_orientation": text(),
    "fbx_preset": choice("blender", "3dsmax", "mixamo"),
}
RIG_CHECK: dict[str, Field] = SOURCE
RIG: dict[str, Field] = {
    **SOURCE,
    "rig_type": choice(
        "biped", "quadruped", "hexapod", "octopod", "avian", "serpentine", "aquatic", "others"
    ),
    "spec": choice("tripo", "mixamo", "actorcore", "unity", "unreal", "vrm"),
    "out_format": choice("glb", "fbx"),
    "model": choice("v1.0-20240301", "v2.5-20260210", "v3.0-20260909"),
}
