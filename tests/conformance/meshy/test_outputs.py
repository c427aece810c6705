import pytest

from tests.conformance.glb import Glb
from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.meshy.orders import (
    OMITTED,
    SMALL,
    built_on,
    convert,
    image,
    preview,
    previewed,
    refine,
    textured_small,
)
from worker.simulator import Fault, Rule

GENERATED = ["glb", "obj", "fbx", "stl", "usdz", "3mf"]
MAPS = {"base_color", "metallic", "roughness", "normal"}
COMPRESSION = {"KHR_draco_mesh_compression", "EXT_meshopt_compression"}


def formats(task: Json) -> set[str]:
    """The formats of a result; an OBJ's material file comes along with it."""
    keys = set(task["model_urls"])
    return keys - {"mtl"} if "obj" in keys else keys


def model(meshy: Meshy, task: Json) -> Glb:
    return Glb.read(meshy.download(task["model_urls"]["glb"]).content)


def maps(task: Json) -> set[str]:
    """An array of one object; a bare object is tolerated, as older types say so."""
    found = task["texture_urls"]
    return set(found[0] if isinstance(found, list) else found)


@pytest.mark.parametrize("asked", [["glb"], ["fbx"], ["glb", "obj"], ["stl", "3mf"], GENERATED])
def test_only_what_was_asked_is_made(meshy: Meshy, asked: list[str]) -> None:
    """model_urls has the formats that were asked for, and no others."""
    assert formats(meshy.run("text-to-3d", preview(target_formats=asked))) == set(asked)


def test_by_default_all_but_3mf_are_made(meshy: Meshy) -> None:
    """Without target_formats a generation makes every format but 3mf."""
    assert formats(meshy.run("image-to-3d", image())) == set(GENERATED) - {"3mf"}


def test_by_default_remesh_makes_glb(meshy: Meshy) -> None:
    """Without target_formats a remesh makes GLB alone."""
    assert formats(meshy.run("remesh", built_on(previewed(meshy)))) == {"glb"}


@pytest.mark.parametrize("asked", [["glb", "blend"], ["fbx", "obj", "usdz", "stl", "3mf"]])
def test_remesh_and_convert_make_more(meshy: Meshy, asked: list[str]) -> None:
    """Remesh and convert also make blend."""
    made = previewed(meshy)
    assert formats(meshy.run("remesh", built_on(made, target_formats=asked))) == set(asked)
    assert formats(meshy.run("convert", convert(made, target_formats=asked))) == set(asked)


def test_every_format_opens(meshy: Meshy) -> None:
    """Each format of a result can be downloaded."""
    body = image(**SMALL, target_formats=GENERATED, should_texture=False)
    task = meshy.run("image-to-3d", body)
    assert all(meshy.download(url).content for url in task["model_urls"].values())


def test_thumbnails_and_maps_are_images(meshy: Meshy) -> None:
    """A thumbnail and every map is a PNG or a JPEG."""
    task = meshy.run("image-to-3d", image(**SMALL, enable_pbr=True, alpha_thumbnail=True))
    urls = (task["thumbnail_url"], task["alpha_thumbnail_url"], *task["texture_urls"][0].values())
    for url in urls:
        assert meshy.download(url).content.startswith((b"\x89PNG", b"\xff\xd8"))


@pytest.mark.parametrize("pbr", [True, False])
def test_maps_beyond_colour_come_with_pbr_only(meshy: Meshy, *, pbr: bool) -> None:
    """enable_pbr adds metallic, roughness and normal; emission may come with it."""
    wanted = MAPS if pbr else {"base_color"}
    made = meshy.run("image-to-3d", image(enable_pbr=pbr))
    refined = meshy.run("text-to-3d", refine(previewed(meshy), enable_pbr=pbr))
    assert maps(made) - {"emission"} == maps(refined) - {"emission"} == wanted


def test_an_alpha_thumbnail_comes_when_asked(meshy: Meshy) -> None:
    """alpha_thumbnail adds an address; without it there is none."""
    assert meshy.run("text-to-3d", preview(alpha_thumbnail=True))["alpha_thumbnail_url"]
    assert not meshy.run("text-to-3d", preview()).get("alpha_thumbnail_url")


def test_thumbnails_of_four_sides_come_when_asked(meshy: Meshy) -> None:
    """multi_view_thumbnails adds front, right, back and left."""
    task = meshy.run("image-to-3d", image(multi_view_thumbnails=True))
    assert set(task["thumbnail_urls"]) == {"front", "right", "back", "left"}
    assert not meshy.run("image-to-3d", image()).get("thumbnail_urls")


def test_the_model_before_remeshing_comes_when_asked(meshy: Meshy) -> None:
    """save_pre_remeshed_model adds pre_remeshed_glb."""
    body = image(should_remesh=True, save_pre_remeshed_model=True, target_formats=["glb"])
    assert set(meshy.run("image-to-3d", body)["model_urls"]) == {"glb", "pre_remeshed_glb"}


def test_a_glb_is_plain(meshy: Meshy) -> None:
    """A GLB is not compressed by Draco or meshopt."""
    assert not model(meshy, meshy.run("image-to-3d", image(**SMALL))).extensions & COMPRESSION


def test_a_textured_model_has_all_that_a_viewer_needs(meshy: Meshy) -> None:
    """A textured GLB has normals, texture coordinates, materials and images."""
    made = model(meshy, meshy.run("image-to-3d", image(**SMALL, enable_pbr=True)))
    assert {"POSITION", "NORMAL", "TEXCOORD_0"} <= made.attributes
    assert made.document["materials"]
    assert made.document["images"]


@pytest.mark.parametrize("asked", [500, 3_500, 20_000])
def test_a_remesh_has_about_the_faces_that_were_asked(meshy: Meshy, asked: int) -> None:
    """target_polycount is met within a quarter."""
    task = meshy.run("remesh", built_on(textured_small(meshy), target_polycount=asked))
    assert model(meshy, task).triangles == pytest.approx(asked, rel=0.25)


def test_prompts_make_different_models(meshy: Meshy) -> None:
    """Each prompt has a model of its own."""
    prompts = ("an oak chest", "an iron lantern")
    tasks = [
        meshy.run("text-to-3d", preview(**SMALL, prompt=prompt, target_formats=["glb"]))
        for prompt in prompts
    ]
    first, second = (meshy.download(task["model_urls"]["glb"]).content for task in tasks)
    assert first != second


def test_a_rigs_files_open(meshy: Meshy) -> None:
    """The rigged models and all animations can be downloaded; the GLBs have a skin."""
    result = meshy.run("rigging", built_on(textured_small(meshy)))["result"]
    for url in result["basic_animations"].values():
        assert meshy.download(url).content
    rigged = Glb.read(meshy.download(result["rigged_character_glb_url"]).content)
    assert rigged.document["skins"]
    assert meshy.download(result["rigged_character_fbx_url"]).content


def test_a_format_may_be_missing(meshy: Meshy) -> None:
    """FORMAT_MISSING: SUCCEEDED, but a format that was asked for is not there."""
    meshy.simulator.script(Rule(fault=Fault.FORMAT_MISSING, provider="meshy"))
    task = meshy.run("text-to-3d", preview(target_formats=["glb", "fbx", "obj"]))
    assert task["status"] == "SUCCEEDED"
    assert formats(task) < {"glb", "fbx", "obj"}


def test_unset_options_need_no_value(meshy: Meshy) -> None:
    """A create with nothing but what is required ends well."""
    assert meshy.run("text-to-3d", preview(ai_model=OMITTED))["status"] == "SUCCEEDED"
    assert meshy.run("image-to-3d", image(ai_model=OMITTED))["status"] == "SUCCEEDED"
