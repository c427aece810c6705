"""Where files lie: whatever an app or a provider calls them, below the user's own folder."""

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.database.records import Run
from worker.pipeline.delivery.haul import Piece
from worker.pipeline.delivery.keeping import Kept, key_of
from worker.pipeline.delivery.links import MODEL, Links, merged
from worker.providers.meshy.tasks import output as output_of_meshy
from worker.providers.outcome import Link, Output
from worker.providers.tripo.tasks import output as output_of_tripo
from worker.storage.address import flaw_of

SHA256 = "0123456789abcdef" * 4
# Nothing but letters, digits and a few marks: what every storage and every file system takes.
KEY = re.compile(r"[0-9a-f-]{36}/models/[A-Za-z0-9][A-Za-z0-9._-]*/[a-z_]+-[0-9a-f]{16}\.[a-z0-9]+")
NASTY = ("..", "../x", "a/../b", "/", "a/b", ".", "", "\x00", "\\", "%2e%2e", "ä", "a" * 101, "x\n")
names = st.one_of(st.sampled_from(NASTY), st.text(max_size=120))
urls = st.builds(
    "https://cdn.example/{}{}".format,
    names,
    st.sampled_from(("", ".glb", ".GLB", ".../x", "./../x", ".tar.gz", "?a=.glb", ".g%2fb", ".ß")),
)
QUIET = settings(max_examples=300, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Owner:
    user_id: UUID
    job_id: UUID
    client_task_id: str | None


def with_a_model() -> Output:
    return Output((Link(*MODEL, "https://cdn.example/model.glb"),))


def key(client_task_id: str | None, link: Link) -> tuple[Owner, str]:
    owner = Owner(uuid4(), uuid4(), client_task_id)
    piece = Piece(link.role, link.format, Path("nowhere"), 1, SHA256)
    run: Run = owner  # type: ignore[assignment]  # all of a run that a key is made of
    return owner, key_of(run, piece)


@QUIET
@given(client_task_id=st.none() | names)
def test_an_apps_own_name_leads_nowhere_else(client_task_id: str | None) -> None:
    """A `client_task_id` that is no safe name is not used; the job's id takes its place."""
    owner, made = key(client_task_id, Link("model", "glb", ""))
    assert KEY.fullmatch(made)
    assert made.startswith(f"{owner.user_id}/models/")
    assert flaw_of("assets", made) is None
    if client_task_id in NASTY:
        assert f"/{owner.job_id}/" in made


@QUIET
@given(url=urls, other=urls, role=names)
def test_a_providers_names_lead_nowhere_else(url: str, other: str, role: str) -> None:
    """Roles and formats are of our own words, or a short ending: never a path."""
    meshy = output_of_meshy(
        {
            "model_urls": {"glb": url, role: url, "../x": other},
            "texture_urls": [{"base_color": url, "normal": other, role: other}],
            "thumbnail_url": other,
            "result": {"rigged_character_glb_url": url},
        }
    )
    tripo = output_of_tripo(
        {"output": {"model_url": url, "rendered_image_url": other}, "input": {"format": role}}
    )
    tripo_format = output_of_tripo(
        {"output": {"model_url": "https://cdn.example/x"}, "input": {"format": role}}
    )
    links = merged([with_a_model(), meshy, tripo, tripo_format])
    assert isinstance(links, Links)
    for link in links.links:
        _, made = key(None, link)
        assert KEY.fullmatch(made)


def test_a_picture_is_stored_as_what_it_is() -> None:
    """Providers call a JPEG .png: the type that browsers are told comes from its bytes."""
    facts = {"content_type": "image/jpeg", "width": 1, "height": 1}
    jpeg = Piece("thumbnail", "png", Path("nowhere"), 1, SHA256, facts)
    assert Kept(jpeg, "assets", "x/thumbnail.png").content_type == "image/jpeg"
    glb = Piece("model", "glb", Path("nowhere"), 1, SHA256, {"triangles": 1})
    assert Kept(glb, "assets", "x/model.glb").content_type == "model/gltf-binary"
