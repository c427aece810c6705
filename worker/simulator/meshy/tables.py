"""The fields of each create call. Fields that no table names are ignored, as Meshy does."""

from worker.simulator.fields import Field, choice, flag, number, several, text, whole

FORMATS = ("glb", "obj", "fbx", "stl", "usdz", "3mf")
EXPORTS = ("glb", "fbx", "obj", "usdz", "blend", "stl", "3mf")
DEFAULT_FORMATS = ("glb", "obj", "fbx", "stl", "usdz")

MESH: dict[str, Field] = {
    "topology": choice("triangle", "quad"),
    "target_polycount": whole(100, 300_000),
    "decimation_mode": choice(1, 2, 3, 4),
}
SIZE: dict[str, Field] = {"auto_size": flag(), "origin_at": choice("bottom", "center")}
OUTPUT: dict[str, Field] = {
    "target_formats": several(choice(*FORMATS)),
    "alpha_thumbnail": flag(),
    "moderation": flag(),
    **SIZE,
}
MODEL: dict[str, Field] = {
    "model_type": choice("standard", "smart-topology", "lowpoly"),
    "ai_model": text(),
    "ultra_mode": flag(),
    "geometry_resolution": choice("2k", "4k"),
    "should_remesh": flag(),
    "pose_mode": choice("", "a-pose", "t-pose"),
    **MESH,
    **OUTPUT,
}
TEXTURE: dict[str, Field] = {
    "enable_pbr": flag(),
    "texture_resolution": choice("2k", "4k", "8k"),
    "hd_texture": flag(),
    "texture_prompt": text(600),
    "texture_image_url": text(),
    "remove_lighting": flag(),
}

PREVIEW: dict[str, Field] = {
    "mode": choice("preview", "refine", required=True),
    "prompt": text(required=True),
    "symmetry_mode": choice("off", "auto", "on"),
    "is_a_t_pose": flag(),
    "art_style": choice("realistic", "sculpture"),
    "negative_prompt": text(),
    "texture_richness": text(),
    "seed": whole(),
    **MODEL,
}
REFINE: dict[str, Field] = {
    "mode": choice("preview", "refine", required=True),
    "preview_task_id": text(required=True),
    "ai_model": text(),
    **TEXTURE,
    **OUTPUT,
}
FROM_IMAGE: dict[str, Field] = {
    "input_task_id": text(),
    "image_url": text(),
    "should_texture": flag(),
    "save_pre_remeshed_model": flag(),
    "image_enhancement": flag(),
    "multi_view_thumbnails": flag(),
    **MODEL,
    **TEXTURE,
}
FROM_IMAGES: dict[str, Field] = {
    **{name: field for name, field in FROM_IMAGE.items() if name != "image_url"},
    "image_urls": several(text(), 1, 4),
    "texture_image_urls": several(text(), 1, 4),
}
REMESH: dict[str, Field] = {
    "input_task_id": text(),
    "model_url": text(),
    "target_formats": several(choice(*EXPORTS)),
    "alpha_thumbnail": flag(),
    "resize_height": number(0),
    "resize_longest_side": number(0),
    "convert_format_only": flag(),
    **MESH,
    **SIZE,
}
CONVERT: dict[str, Field] = {
    "input_task_id": text(),
    "model_url": text(),
    "target_formats": Field((list,), required=True, items=choice(*EXPORTS), fewest=1),
}
RETEXTURE: dict[str, Field] = {
    "input_task_id": text(),
    "model_url": text(),
    "text_style_prompt": text(600),
    "image_style_url": text(),
    "multiview_image_urls": several(text(), 1, 4),
    "ai_model": text(),
    "enable_original_uv": flag(),
    "enable_pbr": flag(),
    "texture_resolution": choice("2k", "4k", "8k"),
    "remove_lighting": flag(),
    "target_formats": several(choice(*FORMATS)),
    "alpha_thumbnail": flag(),
}
RIG: dict[str, Field] = {
    "input_task_id": text(),
    "model_url": text(),
    "height_meters": number(0),
    "texture_image_url": text(),
}
