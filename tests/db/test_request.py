"""What a request may say, what is refused, and which stages it is planned into."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.errors import DatabaseError

from tests.support.database import fresh_database
from tests.support.servers import Postgres
from tests.support.session import Session

Json = dict[str, Any]

OWNER = "5b0f6a55-6f0b-4a9c-8f7e-3f2c7f3f9a10"
STRANGER = "11111111-2222-4333-8444-555555555555"
ASSET = "0c9f7d6e-1a2b-4c3d-8e4f-5a6b7c8d9e0f"

READ = """
select provider::text, kind, stages::text[], create_asset, asset_id::text, asset_title,
  asset_description
from meshqueue.read_request(%s::jsonb, %s::public.provider_type, %s::uuid)
"""
MERGE = "select meshqueue.merge_request(%s::jsonb, %s::jsonb)::text"


@dataclass(frozen=True)
class Refusal:
    code: str
    field: str
    message: str
    hint: str


# The functions change nothing, so all tests of this file share one database.
@pytest.fixture(scope="module")
def reader(server: Postgres, template: str) -> Iterator[Session]:
    with fresh_database(server, template) as database:
        yield database.postgres()


def read(
    reader: Session, body: str | Json | None, named: str | None = "MESHY", owner: str | None = OWNER
) -> Json:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return reader.row(READ, text, named, owner)


def refusal_of(error: DatabaseError) -> Refusal:
    found = error.diag
    return Refusal(
        error.sqlstate or "",
        found.message_detail or "",
        found.message_primary or "",
        found.message_hint or "",
    )


def refused(
    reader: Session, body: str | Json | None, named: str | None = "MESHY", owner: str | None = OWNER
) -> Refusal:
    with pytest.raises(DatabaseError) as caught:
        read(reader, body, named, owner)
    refusal = refusal_of(caught.value)
    assert refusal.message
    assert refusal.hint
    return refusal


def text(**fields: object) -> Json:
    return {"prompt": "katana", **fields}


def pictures(*images: object, **fields: object) -> Json:
    return {"images": list(images), **fields}


def url(angle: str | None = None) -> Json:
    return {"url": "https://example.com/a.png"} | ({"angle": angle} if angle else {})


def path(name: str) -> Json:
    return {"path": f"{OWNER}/{name}"}


def remesh(**fields: object) -> Json:
    return text(remesh=fields)


KATANA: Json = {
    "prompt": "cyberpunk katana",
    "art_style": "realistic",
    "refine": {"enable_pbr": True},
    "remesh": {"enabled": True, "target_polycount": 3500, "target_formats": ["fbx"]},
}

EVERYTHING: Json = {
    "prompt": "katana",
    "art_style": "realistic",
    "negative_prompt": "blurry",
    "images": [{"path": f"{OWNER}/front.png", "angle": "front"}, url("left")],
    "refine": {"enable_pbr": True, "texture_prompt": "steel"},
    "remesh": {
        "enabled": True,
        "target_polycount": 3500,
        "topology": "triangle",
        "target_formats": ["glb", "fbx", "obj", "usdz", "stl", "3mf"],
    },
    "requires_rig": False,
    "store_assets": True,
    "public": False,
    "provider": "MESHY",
    "create_asset": True,
    "asset_title": "Cyberpunk Katana",
    "asset_description": "UGC accessory",
    "asset_id": None,
}

ON_MESHY = [
    (KATANA, ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    (EVERYTHING, ["GENERATE", "DELIVER"]),
    (text(), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine=True), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine=None), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine={}), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine=False), ["PREVIEW", "DELIVER"]),
    (text(remesh=True), ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    (text(remesh=False), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(remesh=None), ["PREVIEW", "REFINE", "DELIVER"]),
    (remesh(), ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    (remesh(enabled=None), ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    (remesh(enabled=False), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine=False, remesh=True), ["PREVIEW", "REMESH", "DELIVER"]),
    (pictures(url()), ["GENERATE", "DELIVER"]),
    (pictures(url(), remesh=True, refine=False), ["GENERATE", "DELIVER"]),
]

ON_TRIPO = [
    (KATANA, ["PREVIEW", "REFINE", "REMESH", "DELIVER"]),
    (text(), ["PREVIEW", "REFINE", "DELIVER"]),
    (text(refine=False), ["PREVIEW", "DELIVER"]),
    (text(refine=False, remesh=True), ["PREVIEW", "REMESH", "DELIVER"]),
    (text(requires_rig=True), ["PREVIEW", "REFINE", "RIG", "DELIVER"]),
    (
        text(requires_rig=True, remesh=True),
        ["PREVIEW", "REFINE", "REMESH", "RIG", "DELIVER"],
    ),
    (pictures(url()), ["GENERATE", "DELIVER"]),
    (pictures(url(), refine=True), ["GENERATE", "DELIVER"]),
    (pictures(url(), remesh=True), ["GENERATE", "REMESH", "DELIVER"]),
    (pictures(url(), requires_rig=True), ["GENERATE", "RIG", "DELIVER"]),
    (
        pictures(url(), remesh=True, requires_rig=True),
        ["GENERATE", "REMESH", "RIG", "DELIVER"],
    ),
]

TAKEN = [
    text(prompt="x" * 600),
    text(prompt="é" * 600),
    text(art_style="x" * 60),
    text(art_style=""),
    text(prompt="x" * 600, art_style=""),
    text(prompt="x" * 600, art_style=None),
    text(prompt="x" * 594, art_style="real"),
    text(negative_prompt="x" * 600),
    text(negative_prompt=""),
    text(images=None),
    text(refine={"enable_pbr": None, "texture_prompt": None}),
    text(refine={"texture_prompt": "x" * 600}),
    remesh(target_polycount=100),
    remesh(target_polycount=300_000),
    remesh(target_polycount=3500.0),
    remesh(target_polycount=None),
    remesh(topology="quad"),
    remesh(topology=None),
    remesh(target_formats=[]),
    remesh(target_formats=None),
    remesh(target_formats=["glb", "fbx", "obj", "usdz", "stl", "3mf"]),
    text(store_assets=False),
    text(store_assets=False, public=False),
    text(store_assets=None, public=True),
    text(asset_title="x" * 200),
    text(asset_description="x" * 2000),
    text(provider=None, asset_id=None, asset_title=None, asset_description=None),
    text(requires_rig=None, public=None, create_asset=None, negative_prompt=None),
    pictures(url(), prompt=None),
    pictures(url(), prompt="in red"),
    pictures(url(), url(), url(), url()),
    pictures(*(url(angle) for angle in ("top", "bottom", "right", "back"))),
    pictures(url("front"), url("front")),
    pictures({"url": "https://example.com/a.png", "path": None, "angle": None}),
    pictures({"url": "HTTPS://EXAMPLE.COM:8443?a=b@c"}),
    pictures({"url": "https://[2001:db8::1]/a.png"}),
    pictures({"url": "https://example.com/" + "x" * 2028}),
    pictures(path("front.png")),
    pictures(path("a/b..c/...png")),
    pictures(path("x" * (511 - len(OWNER)))),
]

WRONG = [
    ("request_payload", None),
    ("request_payload", "null"),
    ("request_payload", "[]"),
    ("request_payload", '"katana"'),
    ("request_payload", "7"),
    ("request_payload", text(asset_description="x" * 8200)),
    ("request_payload", "[" * 4000 + "]" * 4000),
    ("request_payload", '{"prompt": 1e9000}'),
    ("seed", text(seed=1)),
    ("seed", text(seed=None)),
    ('""', {"": 1}),
    ("k" * 100, {"k" * 101: 1}),
    ("prompt", {}),
    ("prompt", text(prompt=None)),
    ("prompt", text(prompt="")),
    ("prompt", text(prompt=" \t\n\u00a0\u3000")),
    ("prompt", text(prompt="x" * 601)),
    ("prompt", text(prompt=7)),
    ("prompt", text(prompt=["katana"])),
    ("prompt", pictures(url(), prompt="")),
    ("art_style", text(art_style="x" * 61)),
    ("art_style", text(art_style=False)),
    ("art_style", text(prompt="x" * 595, art_style="real")),
    ("negative_prompt", text(negative_prompt="x" * 601)),
    ("negative_prompt", text(negative_prompt={})),
    ("refine", text(refine="yes")),
    ("refine", text(refine=1)),
    ("refine", text(refine=[])),
    ("refine.seed", text(refine={"seed": 1})),
    ('refine.""', text(refine={"": 1})),
    ("refine.enable_pbr", text(refine={"enable_pbr": "true"})),
    ("refine.texture_prompt", text(refine={"texture_prompt": "x" * 601})),
    ("refine.texture_prompt", text(refine={"texture_prompt": 1})),
    ("remesh", text(remesh="yes")),
    ("remesh", text(remesh=[True])),
    ("remesh.polycount", remesh(polycount=100)),
    ("remesh.enabled", remesh(enabled=1)),
    ("remesh.target_polycount", remesh(target_polycount=99)),
    ("remesh.target_polycount", remesh(target_polycount=300_001)),
    ("remesh.target_polycount", remesh(target_polycount=3500.5)),
    ("remesh.target_polycount", remesh(target_polycount=-3500)),
    ("remesh.target_polycount", remesh(target_polycount="3500")),
    ("remesh.target_polycount", '{"prompt": "x", "remesh": {"target_polycount": 1e400}}'),
    ("remesh.target_polycount", '{"prompt": "x", "remesh": {"target_polycount": 1e-400}}'),
    ("remesh.target_polycount", remesh(enabled=False, target_polycount=99)),
    ("remesh.topology", remesh(topology="hex")),
    ("remesh.topology", remesh(topology=4)),
    ("remesh.target_formats", remesh(target_formats="fbx")),
    ("remesh.target_formats", remesh(target_formats={"fbx": True})),
    ("remesh.target_formats", remesh(target_formats=["glb"] * 7)),
    ("remesh.target_formats[1]", remesh(target_formats=["fbx", "fbx"])),
    ("remesh.target_formats[1]", remesh(target_formats=["fbx", "FBX"])),
    ("remesh.target_formats[0]", remesh(target_formats=[None])),
    ("remesh.target_formats[0]", remesh(target_formats=[["fbx"]])),
    ("requires_rig", text(requires_rig="no")),
    ("store_assets", text(store_assets=0)),
    ("store_assets", text(store_assets=False, requires_rig=True)),
    ("public", text(public="yes")),
    ("public", text(public=True, store_assets=False)),
    ("create_asset", text(create_asset="true")),
    ("provider", text(provider="meshy")),
    ("provider", text(provider="BLENDER")),
    ("provider", text(provider="BLENDER", requires_rig=True)),
    ("provider", text(provider="OPENAI")),
    ("provider", text(provider="REPLICATE")),
    ("provider", text(provider=1)),
    ("asset_id", text(asset_id="katana")),
    ("asset_id", text(asset_id=7)),
    ("asset_id", text(asset_id=ASSET + "\n")),
    ("asset_title", text(asset_title="x" * 201)),
    ("asset_title", text(asset_title=True)),
    ("asset_description", text(asset_description="x" * 2001)),
    ("images", pictures()),
    ("images", pictures(*([url()] * 5))),
    ("images", text(images={})),
    ("images", text(images="https://example.com/a.png")),
    ("images[0]", pictures("https://example.com/a.png")),
    ("images[1]", pictures(url(), None)),
    ("images[0]", pictures({})),
    ("images[0]", pictures({"url": None, "angle": "front"})),
    ("images[0]", pictures({"url": "https://example.com/a.png", **path("a.png")})),
    ("images[0].name", pictures({**url(), "name": "a"})),
    ("images[1].angle", pictures(url(), url("above"))),
    ("images[0].angle", pictures({**url(), "angle": 1})),
]

WRONG_URLS = [
    "",
    "http://example.com/a.png",
    "example.com/a.png",
    "https:/example.com/a.png",
    "https://",
    "https:///a.png",
    "https://?a",
    "https://:443/a.png",
    "https://example.com:port/a.png",
    "https://user:password@example.com/a.png",
    "https://user@example.com/a.png",
    "https://good.example\\@bad.example/a.png",
    "https://example.com/a b.png",
    " https://example.com/a.png",
    "https://example.com/a.png\n",
    "https://example.com/\u0001",
    "https://example.com/\u007f",
    "https://example.com/\u2028",
    "https://example.com/" + "x" * 2029,
    7,
]

WRONG_NAMES = [
    "",
    "a/",
    "a//b.png",
    "/a.png",
    "..",
    f"../{STRANGER}/a.png",
    "a/../b.png",
    "a/..",
    "./a.png",
    "a\nb.png",
    "a\u0085b.png",
    "a\\..\\b.png",
    "%2e%2e/a.png",
    "a.png#b",
    "x" * (512 - len(OWNER)),
]

FOREIGN_PATHS = [
    "",
    "front.png",
    f"{STRANGER}/front.png",
    f"/{OWNER}/front.png",
    OWNER,
    f"{OWNER}x/front.png",
    f"../{OWNER}/front.png",
    f"{OWNER.upper()}/front.png",
]

WRONG_ON_TRIPO = [
    ("negative_prompt", text(negative_prompt="x" * 256)),
    ("store_assets", text(store_assets=False)),
    ("remesh.topology", remesh(topology="quad")),
    ("images[0].angle", pictures(url("top"), url("front"))),
    ("images[1].angle", pictures(url("front"), url("bottom"))),
    ("images[1].angle", pictures(url("front"), url())),
    ("images[1].angle", pictures(url(), url("front"))),
    ("images[2].angle", pictures(url(), url("left"), url("left"))),
    ("images", pictures(url("left"))),
    ("images", pictures(url("left"), url("back"))),
    ("provider", text(provider="MESHY")),
]

TAKEN_BY_TRIPO = [
    text(negative_prompt="x" * 255),
    text(prompt="x" * 600, art_style="x" * 60),
    remesh(enabled=False, topology="quad"),
    remesh(topology="triangle"),
    pictures(url(), url("left"), url("back"), url("right")),
    pictures(url("left"), url("front")),
    text(provider="TRIPO"),
]


@pytest.mark.parametrize(("body", "stages"), ON_MESHY)
def test_meshy_plan(reader: Session, body: Json, stages: list[str]) -> None:
    """Meshy works through the stages that the request asks for, and delivers last."""
    assert read(reader, body)["stages"] == stages


@pytest.mark.parametrize(("body", "stages"), ON_TRIPO)
def test_tripo_plan(reader: Session, body: Json, stages: list[str]) -> None:
    """Tripo works through the stages that the request asks for, rigs before it delivers."""
    assert read(reader, body, "TRIPO")["stages"] == stages


@pytest.mark.parametrize("body", TAKEN)
def test_what_is_allowed_is_taken(reader: Session, body: Json) -> None:
    """Every value at the edge of what is allowed is taken."""
    assert read(reader, body)["provider"] == "MESHY"


@pytest.mark.parametrize("body", TAKEN_BY_TRIPO)
def test_what_tripo_allows_is_taken(reader: Session, body: Json) -> None:
    """Every value at the edge of what Tripo allows is taken for it."""
    assert read(reader, body, "TRIPO")["provider"] == "TRIPO"


@pytest.mark.parametrize(("field", "body"), WRONG)
def test_what_is_wrong_is_refused(reader: Session, field: str, body: str | Json | None) -> None:
    """Each wrong value is refused with PT400 and exactly its own path as the detail."""
    refusal = refused(reader, body)
    assert (refusal.code, refusal.field) == ("PT400", field)


@pytest.mark.parametrize("address", WRONG_URLS)
def test_a_bad_address_is_refused(reader: Session, address: object) -> None:
    """An image's address must be plain https: no user, no blank, no control character."""
    refusal = refused(reader, pictures({"url": address}))
    assert (refusal.code, refusal.field) == ("PT400", "images[0].url")


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_path_that_climbs_is_refused(reader: Session, name: str) -> None:
    """A path in the caller's own folder cannot lead out of it, nor name a folder."""
    refusal = refused(reader, pictures(path(name)))
    assert (refusal.code, refusal.field) == ("PT400", "images[0].path")


@pytest.mark.parametrize("foreign", FOREIGN_PATHS)
def test_a_path_of_another_user_is_forbidden(reader: Session, foreign: str) -> None:
    """Only a path that begins with the caller's own id is read; others are PT403."""
    refusal = refused(reader, pictures(url(), {"path": foreign}))
    assert (refusal.code, refusal.field) == ("PT403", "images[1].path")


def test_without_an_owner_no_path_is_allowed(reader: Session) -> None:
    """A request of nobody owns no folder: its path is PT403, not skipped."""
    refusal = refused(reader, pictures(path("front.png")), owner=None)
    assert (refusal.code, refusal.field) == ("PT403", "images[0].path")


@pytest.mark.parametrize(("field", "body"), WRONG_ON_TRIPO)
def test_what_tripo_cannot_do_is_refused(reader: Session, field: str, body: Json) -> None:
    """What only Tripo cannot do is refused at creation, before anything is paid."""
    refusal = refused(reader, body, "TRIPO")
    assert (refusal.code, refusal.field) == ("PT400", field)


@pytest.mark.parametrize(("field", "body"), WRONG_ON_TRIPO[:-1])
def test_the_rules_of_tripo_are_its_own(reader: Session, field: str, body: Json) -> None:
    """What Tripo refuses is right for Meshy, except a contradiction."""
    assert read(reader, body)["provider"] == "MESHY", field


@pytest.mark.parametrize("named", ["MESHY", "TRIPO", "REPLICATE", "OPENAI"])
def test_a_rig_routes_to_tripo(reader: Session, named: str) -> None:
    """A request that needs a rig goes to Tripo, whatever provider was named."""
    assert read(reader, text(requires_rig=True, provider=named), named)["provider"] == "TRIPO"


def test_a_rig_brings_the_rules_of_tripo(reader: Session) -> None:
    """A request routed to Tripo is checked by Tripo's rules, although Meshy was named."""
    refusal = refused(reader, {**remesh(topology="quad"), "requires_rig": True})
    assert refusal.field == "remesh.topology"


@pytest.mark.parametrize(
    ("written", "named", "chosen"),
    [
        (None, None, "MESHY"),
        (None, "TRIPO", "TRIPO"),
        ("TRIPO", "MESHY", "TRIPO"),
        ("TRIPO", None, "TRIPO"),
        ("TRIPO", "TRIPO", "TRIPO"),
        ("MESHY", "MESHY", "MESHY"),
    ],
)
def test_the_provider_is_the_one_that_was_named(
    reader: Session, written: str | None, named: str | None, chosen: str
) -> None:
    """The provider in the body wins over the default beside it."""
    assert read(reader, text(provider=written), named)["provider"] == chosen


@pytest.mark.parametrize("named", ["REPLICATE", "OPENAI"])
def test_who_makes_no_models_is_refused(reader: Session, named: str) -> None:
    """A provider that makes no models yet is refused also when named beside the body."""
    refusal = refused(reader, text(), named)
    assert (refusal.code, refusal.field) == ("PT400", "provider")


def test_the_kind_follows_the_images(reader: Session) -> None:
    """Images make it image_to_3d, with or without a prompt; a prompt alone text_to_3d."""
    bodies = [text(), pictures(url()), text(images=[url()])]
    kinds = [read(reader, body)["kind"] for body in bodies]
    assert kinds == ["text_to_3d", "image_to_3d", "image_to_3d"]


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, (True, None)),
        ({"create_asset": True}, (True, None)),
        ({"create_asset": False}, (False, None)),
        ({"asset_id": ASSET}, (False, ASSET)),
        ({"asset_id": ASSET.upper()}, (False, ASSET)),
        ({"asset_id": ASSET, "create_asset": True}, (False, ASSET)),
    ],
)
def test_an_asset_is_made_or_given(
    reader: Session,
    fields: Json,
    made: tuple[bool, str | None],
) -> None:
    """A new asset is made unless the request says no or names one."""
    found = read(reader, text(**fields))
    assert (found["create_asset"], found["asset_id"]) == made


def test_the_title_and_description_are_handed_on(reader: Session) -> None:
    """The asset's texts come out as they were sent."""
    found = read(reader, EVERYTHING)
    assert (found["asset_title"], found["asset_description"]) == (
        "Cyberpunk Katana",
        "UGC accessory",
    )


def test_a_body_of_8_kb_is_taken(reader: Session) -> None:
    """A body of exactly 8,192 bytes is taken, one more byte is refused."""
    images = [{"url": "https://example.com/" + "x" * 1950} for _ in range(4)]
    body = pictures(*images, prompt="x")
    rest = 8192 - len(json.dumps(body))
    body["prompt"] = "x" * (1 + rest)
    assert read(reader, body)["kind"] == "image_to_3d"
    body["prompt"] += "x"
    assert refused(reader, body).field == "request_payload"


def test_the_message_says_what_was_wrong(reader: Session) -> None:
    """A message names the field, the limit and what was found; the hint what to do."""
    refusal = refused(reader, text(prompt="x" * 812))
    assert refusal.message == "prompt must have at most 600 characters (it has 812)"
    assert refusal.hint == "Shorten prompt."
    assert refused(reader, text(seed=1)).hint.endswith("asset_description, asset_id.")
    assert refused(reader, remesh(enabled="x")).message == (
        "remesh.enabled must be true or false (it is text)"
    )


def merge(reader: Session, body: object, arguments: Json | None) -> object:
    return json.loads(reader.value(MERGE, json.dumps(body), json.dumps(arguments)))


@pytest.mark.parametrize(
    ("body", "arguments", "merged"),
    [
        ({"prompt": "x"}, {}, {"prompt": "x"}),
        ({"prompt": "x"}, {"provider": "TRIPO"}, {"prompt": "x", "provider": "TRIPO"}),
        ({"asset_title": "a"}, {"asset_title": "a"}, {"asset_title": "a"}),
        ({"asset_title": None}, {"asset_title": "a"}, {"asset_title": "a"}),
        ({"asset_id": ASSET.upper()}, {"asset_id": ASSET}, {"asset_id": ASSET}),
        ([1], {"asset_title": "a"}, [1]),
        ("x", {"asset_title": "a"}, "x"),
        (None, {"asset_title": "a"}, None),
    ],
)
def test_arguments_join_the_body(
    reader: Session, body: object, arguments: Json, merged: object
) -> None:
    """What is said beside the body ends up in it; what is no object is left to the reader."""
    assert merge(reader, body, arguments) == merged


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ({"provider": "MESHY"}, {"provider": "TRIPO"}),
        ({"create_asset": True}, {"create_asset": False}),
        ({"create_asset": "false"}, {"create_asset": False}),
        ({"asset_title": "a"}, {"asset_title": "b"}),
        ({"asset_description": 7}, {"asset_description": "7"}),
        ({"asset_id": STRANGER}, {"asset_id": ASSET}),
    ],
)
def test_a_contradiction_is_refused(reader: Session, body: Json, arguments: Json) -> None:
    """Two values for one field are refused with that field, not silently decided."""
    with pytest.raises(DatabaseError) as caught:
        merge(reader, {**KATANA, **body}, arguments)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.field) == ("PT400", next(iter(arguments)))
    assert refusal.hint


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_nobody_calls_the_reader_directly(reader: Session, role: str) -> None:
    """No client's role may execute any function that reads requests."""
    privileges = reader.values(
        """
        select has_function_privilege(%s, o.identity::regprocedure, 'execute')
        from meshqueue.function_objects as o
        where o.file like '%%engine/request%%'
        """,
        role,
    )
    assert set(privileges) == {False}


# Postgres refuses NUL and lone surrogates before a request is read.
characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
strings = st.text(characters, max_size=8)
numbers = st.sampled_from(["1e400", "-1e400", "1e-400", "1e3", "3500.0", "0", "-0", "99999999999"])
scalars = st.one_of(
    st.none().map(json.dumps),
    st.booleans().map(json.dumps),
    numbers,
    st.integers().map(json.dumps),
    strings.map(json.dumps),
    st.integers(600, 9000).map(lambda size: json.dumps("x" * size)),
)
keys = st.sampled_from(
    [*EVERYTHING, *EVERYTHING["remesh"], *EVERYTHING["refine"], "url", "path", "angle", ""]
)


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=5).map(lambda items: f"[{','.join(items)}]")


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.tuples((keys | strings).map(json.dumps), values)
    return st.lists(named, max_size=5).map(
        lambda fields: "{" + ",".join(f"{key}:{value}" for key, value in fields) + "}"
    )


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


documents = st.recursive(
    scalars | st.integers(1, 4000).map(nested),
    lambda values: arrays(values) | objects(values),
    max_leaves=12,
)

# Each place of the full request, so that one of them can be replaced by anything.
PLACES: list[tuple[str | int, ...]] = [
    *((key,) for key in EVERYTHING),
    *(("remesh", key) for key in EVERYTHING["remesh"]),
    *(("refine", key) for key in EVERYTHING["refine"]),
    ("remesh", "target_formats", 0),
    ("images", 0),
    ("images", 1),
    *(("images", 0, key) for key in ("path", "angle")),
    *(("images", 1, key) for key in ("url", "angle")),
]
MARK = "a place for anything"


def replaced(place: tuple[str | int, ...], document: str) -> str:
    body = json.loads(json.dumps(EVERYTHING))
    inner = body
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = MARK
    return json.dumps(body).replace(json.dumps(MARK), document)


mutated = st.builds(replaced, st.sampled_from(PLACES), documents)

thorough = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@thorough
@given(
    document=documents | mutated,
    named=st.sampled_from(["MESHY", "TRIPO", "REPLICATE", None]),
    owner=st.sampled_from([OWNER, STRANGER, None]),
)
@example(document=json.dumps(EVERYTHING), named="MESHY", owner=OWNER)
@example(document=nested(4000), named="MESHY", owner=OWNER)
def test_any_document_is_taken_or_refused(
    reader: Session, document: str, named: str | None, owner: str | None
) -> None:
    """Any jsonb gives a plan that ends in DELIVER, or PT400 or PT403 with a field and a hint."""
    try:
        assert read(reader, document, named, owner)["stages"][-1] == "DELIVER"
    except DatabaseError as error:
        refusal = refusal_of(error)
        assert refusal.code in {"PT400", "PT403"}, refusal
        assert refusal.field
        assert refusal.message
        assert refusal.hint


@thorough
@given(document=documents)
def test_any_document_is_merged_or_refused(reader: Session, document: str) -> None:
    """Any jsonb merges with arguments, or is refused with PT400 and the argument's name."""
    arguments = {"asset_title": "x", "asset_id": ASSET, "create_asset": False}
    try:
        reader.execute(MERGE, document, json.dumps(arguments))
    except DatabaseError as error:
        refusal = refusal_of(error)
        assert refusal.code == "PT400", refusal
        assert refusal.field in arguments
