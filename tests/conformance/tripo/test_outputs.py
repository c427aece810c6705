from urllib.parse import urlsplit

import pytest

from tests.conformance.glb import Glb
from tests.conformance.tripo.api import (
    CONVERT,
    IMAGE,
    MULTIVIEW,
    RIG,
    TEXT,
    TEXTURE,
    Json,
    Tripo,
)
from tests.conformance.tripo.orders import (
    convert,
    low_poly,
    made,
    rig,
    text,
    texture,
    uploaded_image,
    uploaded_views,
)
from tests.conformance.wire import fetch
from worker.simulator import Fault, Rule

FIVE_MINUTES = 300
GONE = {403, 404}
ENDINGS = {"FBX": ".fbx", "OBJ": ".obj", "STL": ".stl", "USDZ": ".usdz", "3MF": ".3mf"}


def path(task: Json) -> str:
    return urlsplit(str(task["output"]["model_url"])).path


def model(tripo: Tripo, task: Json) -> Glb:
    return Glb.read(tripo.download(task["output"]["model_url"]).content)


def test_a_textured_model_has_all_that_a_viewer_needs(tripo: Tripo) -> None:
    """A finished generation is a GLB with normals, texture coordinates, materials, images."""
    task = tripo.run(TEXT, text())
    made_model = model(tripo, task)
    assert path(task).endswith(".glb")
    assert {"POSITION", "NORMAL", "TEXCOORD_0"} <= made_model.attributes
    assert made_model.document["materials"]
    assert made_model.document["images"]


def test_every_generation_makes_a_model_and_a_picture(tripo: Tripo) -> None:
    """model_url opens as a GLB and rendered_image_url as an image."""
    bare = {"texture": False, "pbr": False}
    orders = {
        TEXT: text(**bare),
        IMAGE: uploaded_image(tripo, **bare),
        MULTIVIEW: uploaded_views(tripo, **bare),
    }
    for endpoint, body in orders.items():
        task = tripo.run(endpoint, body)
        assert model(tripo, task).triangles
        assert task["output"]["rendered_image_url"]
    picture = tripo.download(task["output"]["rendered_image_url"]).content
    assert picture.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF"))


def test_only_what_was_made_is_shown(tripo: Tripo) -> None:
    """Keys of results that were not asked for are absent."""
    output = tripo.run(TEXT, text())["output"]
    assert not {"splat_url", "riggable", "rig_type", "rendered_video_url"} & set(output)
    assert all(output.values())


def test_quad_makes_fbx(tripo: Tripo) -> None:
    """With quad a generation is FBX."""
    assert path(tripo.run(TEXT, text(quad=True))).endswith(".fbx")


@pytest.mark.parametrize("name", ENDINGS)
def test_convert_makes_the_format(tripo: Tripo, name: str) -> None:
    """Convert makes the one format that was asked for, and it opens."""
    task = tripo.run(CONVERT, convert(made(tripo), format=name))
    assert path(task).endswith((ENDINGS[name], ".zip"))
    assert tripo.download(task["output"]["model_url"]).content


def test_convert_to_gltf_opens(tripo: Tripo) -> None:
    """GLTF is glTF 2.0, as GLB or as JSON (both tolerated)."""
    task = tripo.run(CONVERT, convert(made(tripo), format="GLTF"))
    content = tripo.download(task["output"]["model_url"]).content
    assert content.startswith((b"glTF", b"{", b"PK"))


@pytest.mark.parametrize("limit", [1_000, 5_000])
def test_face_limit_is_met(tripo: Tripo, limit: int) -> None:
    """A model has about as many faces as were allowed, in generation and in conversion."""
    generated = model(tripo, tripo.run(TEXT, text(face_limit=limit)))
    assert generated.triangles == pytest.approx(limit, rel=0.25)
    low = model(tripo, tripo.run(TEXT, low_poly(face_limit=limit)))
    assert low.triangles == pytest.approx(limit, rel=0.25)


def test_a_rig_has_a_skeleton(tripo: Tripo) -> None:
    """A rig's model has a skin; out_format fbx makes an FBX."""
    source = made(tripo)
    assert model(tripo, tripo.run(RIG, rig(source))).document["skins"]
    assert path(tripo.run(RIG, rig(source, out_format="fbx"))).endswith(".fbx")


def test_texture_adds_images(tripo: Tripo) -> None:
    """An untextured model gets images by /models/texture."""
    bare = made(tripo, texture=False, pbr=False)
    assert not model(tripo, tripo.task(bare)).document.get("images")
    assert model(tripo, tripo.run(TEXTURE, texture(bare))).document["images"]


def test_prompts_make_different_models(tripo: Tripo) -> None:
    """Each prompt has a model of its own."""
    tasks = [tripo.run(TEXT, text(prompt=prompt)) for prompt in ("an oak chest", "a lantern")]
    first, second = (tripo.download(task["output"]["model_url"]).content for task in tasks)
    assert first != second


def test_nothing_is_compressed_unasked(tripo: Tripo) -> None:
    """Without compress=geometry a model is free of EXT_meshopt_compression."""
    assert "EXT_meshopt_compression" not in model(tripo, tripo.run(TEXT, text())).extensions


def test_an_address_dies_after_five_minutes(tripo: Tripo) -> None:
    """A result's address opens for about five minutes, then it is 403 or 404."""
    url = tripo.run(TEXT, text())["output"]["model_url"]
    tripo.simulator.clock.advance(FIVE_MINUTES - 60)
    assert tripo.download(url).status_code == 200
    tripo.simulator.clock.advance(120)
    assert tripo.download(url).status_code in GONE


def test_looking_again_signs_again(tripo: Tripo) -> None:
    """A GET of the task, alone or in a batch, gives addresses that open."""
    task = tripo.run(TEXT, text())
    tripo.simulator.clock.advance(3600)
    fresh = tripo.task(task["task_id"])["output"]["model_url"]
    assert fresh != task["output"]["model_url"]
    assert tripo.download(fresh).status_code == 200
    tripo.simulator.clock.advance(3600)
    listed = tripo.batch([task["task_id"]])["tasks"][task["task_id"]]
    assert tripo.download(listed["output"]["model_url"]).status_code == 200


def test_a_download_needs_no_key(tripo: Tripo) -> None:
    """The signed address alone opens the file; without its signature it does not."""
    url = tripo.run(TEXT, text())["output"]["model_url"]
    answer = fetch(url)
    assert len(answer.content) == int(answer.headers["content-length"])
    assert fetch(url.partition("?")[0]).status_code in GONE


def test_an_address_may_die_early(tripo: Tripo) -> None:
    """URL_EXPIRED: refused once; the task, asked again, gives one that opens."""
    task_id = made(tripo)
    tripo.simulator.script(Rule(fault=Fault.URL_EXPIRED, provider="tripo", times=1))
    dead = tripo.task(task_id)["output"]["model_url"]
    assert tripo.download(dead).status_code in GONE
    fresh = tripo.task(task_id)["output"]["model_url"]
    assert tripo.download(fresh).status_code == 200
