"""Who may do what with objects, asked by the real client of the real policies."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from storage3 import SyncStorageClient
from storage3.exceptions import StorageApiError
from storage3.types import FileOptions
from supabase import ClientOptions, create_client

from tests.support.project import token, user_token
from tests.support.storage_server import StorageServer
from worker.storage.address import public_path

pytestmark = pytest.mark.newest_postgres

TIMEOUT = 30
PNG = b"\x89PNG bytes"
AS_PNG: FileOptions = {"content-type": "image/png"}
BUCKETS = ("inputs", "assets", "templates")
STRANGERS = ("another user", "anon", "guessed key")

Clients = Callable[[str], SyncStorageClient]


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
def client(platform: StorageServer, http: httpx.Client) -> Clients:
    """The `supabase` client of whoever holds this key or token."""
    platform.faults.clear()

    def new(key: str) -> SyncStorageClient:
        return create_client(platform.url, key, ClientOptions(httpx_client=http)).storage

    return new


@pytest.fixture
def owner(platform: StorageServer, client: Clients) -> UUID:
    """Has an object in each bucket, as the worker stores them."""
    user_id = platform.db.new_user()
    worker = client(token("service_role"))
    for bucket in BUCKETS:
        worker.from_(bucket).upload(f"{user_id}/models/a.png", PNG, AS_PNG)
    return user_id


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, client: Clients) -> SyncStorageClient:
    keys = {
        "another user": user_token(uuid4()),
        "anon": token("anon"),
        "guessed key": "sb_secret_guessed",
    }
    return client(keys[request.param])


def test_an_owner_reads_their_own_inputs(client: Clients, owner: UUID) -> None:
    """Downloaded, listed, signed for a tag without a header."""
    own = client(user_token(owner)).from_("inputs")
    key = f"{owner}/models/a.png"
    assert own.download(key) == PNG
    assert [row["name"] for row in own.list(f"{owner}/models")] == ["a.png"]
    signed = own.create_signed_url(key, 60)["signedURL"]
    assert signed is not None
    assert httpx.get(signed, timeout=TIMEOUT).content == PNG


def test_an_owner_reads_no_model_without_a_row(client: Clients, owner: UUID) -> None:
    """It is on its way, or it was canceled."""
    own = client(user_token(owner)).from_("assets")
    assert own.list(f"{owner}/models") == []
    with refused("404"):
        own.download(f"{owner}/models/a.png")


def test_an_owner_brings_and_removes_inputs(client: Clients, owner: UUID) -> None:
    """Below their own folder; pictures only."""
    own = client(user_token(owner)).from_("inputs")
    own.upload(f"{owner}/front.png", PNG, AS_PNG)
    assert own.download(f"{owner}/front.png") == PNG
    assert [row["name"] for row in own.remove([f"{owner}/front.png"])] == [f"{owner}/front.png"]
    with refused("415"):
        own.upload(f"{owner}/page.html", b"<html>", {"content-type": "text/html"})


def test_an_owner_overwrites_nothing(client: Clients, owner: UUID) -> None:
    """Not even what is theirs, not even with upsert."""
    own = client(user_token(owner)).from_("inputs")
    options: FileOptions = {**AS_PNG, "upsert": "true"}
    with refused("409"):
        own.upload(f"{owner}/models/a.png", b"other", options)
    assert own.download(f"{owner}/models/a.png") == PNG


@pytest.mark.parametrize("bucket", ["assets", "templates"])
def test_an_owner_writes_no_results(client: Clients, owner: UUID, bucket: str) -> None:
    """Where the worker writes, clients neither add, copy nor remove."""
    own = client(user_token(owner))
    with refused("403"):
        own.from_(bucket).upload(f"{owner}/models/b.png", PNG, AS_PNG)
    with refused("403", "404"):
        own.from_(bucket).copy(f"{owner}/models/a.png", f"{owner}/models/b.png")
    assert own.from_(bucket).remove([f"{owner}/models/a.png"]) == []


@pytest.mark.parametrize("bucket", ["inputs", "assets"])
def test_strangers_read_nothing(stranger: SyncStorageClient, owner: UUID, bucket: str) -> None:
    """Another user, anon and a guessed key: neither bytes nor facts of the private buckets."""
    there, key = stranger.from_(bucket), f"{owner}/models/a.png"
    with refused("403", "404"):
        there.download(key)
    with refused("403", "404"):
        there.info(key)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_strangers_pass_nothing_on(stranger: SyncStorageClient, owner: UUID, bucket: str) -> None:
    """No signed address, no copy."""
    there, key = stranger.from_(bucket), f"{owner}/models/a.png"
    with refused("403", "404"):
        there.create_signed_url(key, 60)
    with refused("403", "404"):
        there.copy(key, f"{owner}/models/b.png")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_strangers_list_nothing(stranger: SyncStorageClient, owner: UUID, bucket: str) -> None:
    """Not the top, not a folder whose name they know; the public bucket neither."""
    for folder in ("", str(owner), f"{owner}/models"):
        assert granted(lambda: stranger.from_(bucket).list(folder)) == []  # noqa: B023 - at once


@pytest.mark.parametrize("bucket", BUCKETS)
def test_strangers_change_nothing(
    platform: StorageServer, stranger: SyncStorageClient, owner: UUID, bucket: str
) -> None:
    """Neither adding to another's folder nor removing from it."""
    with refused("403"):
        stranger.from_(bucket).upload(f"{owner}/models/b.png", PNG, AS_PNG)
    assert granted(lambda: stranger.from_(bucket).remove([f"{owner}/models/a.png"])) == []
    stored = platform.stored(bucket)
    assert f"{owner}/models/a.png" in stored
    assert f"{owner}/models/b.png" not in stored


def test_the_public_address(platform: StorageServer, owner: UUID) -> None:
    """Opens what lies in templates, and nothing of the private buckets."""
    for bucket in BUCKETS:
        url = platform.url + public_path(bucket, f"{owner}/models/a.png")
        answer = httpx.get(url, timeout=TIMEOUT)
        assert (answer.content == PNG) is (bucket == "templates")


def test_a_signature_opens_one_object(client: Clients, owner: UUID) -> None:
    """Not the one beside it."""
    worker = client(token("service_role")).from_("assets")
    worker.upload(f"{owner}/models/b.png", PNG, AS_PNG)
    signed = worker.create_signed_url(f"{owner}/models/a.png", 60)["signedURL"]
    assert signed is not None
    other = httpx.get(signed.replace("/a.png", "/b.png"), timeout=TIMEOUT)
    assert other.json()["error"] == "InvalidSignature"


def refused(*statuses: str) -> "pytest.RaisesExc[StorageApiError]":
    return pytest.RaisesExc(StorageApiError, check=lambda error: str(error.status) in statuses)


def granted(ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A key that is none is refused, a weak one sees nothing."""
    try:
        return ask()
    except StorageApiError as error:
        if str(error.status) != "403":
            raise
        return []
