"""Supabase Storage as the worker uses it, when nothing goes wrong and when it says no."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.storage.fast import FAST
from tests.storage.files import GLB, LARGE, content_of, new_file, new_key
from tests.support.database import Database
from tests.support.project import token
from tests.support.storage_server import SECRET_KEY, Answer, StorageServer
from worker.errors import SettingsError
from worker.storage.outcome import (
    Missing,
    Put,
    Read,
    Removed,
    StorageFull,
    StorageRefused,
    StorageUnreachable,
    TooLarge,
)
from worker.storage.supabase import SupabaseStorage

# The same SQL is tested on each Postgres without the client.
pytestmark = pytest.mark.newest_postgres

SMALL = 1000
METADATA = "select metadata from storage.objects where name = %s"


@pytest.mark.parametrize("size", [0, 1, SMALL, 6_000_000, 6_000_001, 6 * 1024 * 1024, LARGE])
async def test_what_was_put_is_read(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, size: int
) -> None:
    """Every size arrives whole, with its type, to be kept for a year."""
    key = new_key()
    assert await supabase.put("assets", key, new_file(tmp_path, size), GLB) == Put(created=True)
    assert platform.stored("assets")[key] == content_of(size)
    metadata = platform.db.admin.value(METADATA, key)
    assert (metadata["mimetype"], metadata["cacheControl"]) == (GLB, "max-age=31536000")
    target = tmp_path / "read"
    assert await supabase.read_to("assets", key, target, size) == Read(size)
    assert target.read_bytes() == content_of(size)


async def test_large_files_go_in_pieces(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """Up to 6 MB in one request, above it resumable."""
    await supabase.put("assets", new_key(), new_file(tmp_path, SMALL), GLB)
    await supabase.put("assets", new_key(), new_file(tmp_path, LARGE), GLB)
    assert platform.faults.seen == ["upload", "create", "append", "append", "append"]


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_resumable_uploads(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, status: int
) -> None:
    """Gets the whole file in one request."""
    key = new_key()
    platform.script("create", Answer(status, message="no such route", wrapped=False))
    assert await supabase.put("assets", key, new_file(tmp_path, LARGE), GLB) == Put(created=True)
    assert platform.stored("assets")[key] == content_of(LARGE)
    assert platform.faults.seen == ["create", "upload"]


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_repeated_put_finds_the_first(
    supabase: SupabaseStorage, tmp_path: Path, size: int
) -> None:
    """Its own content is no fault; something of another size under its key is refused."""
    key, file = new_key(), new_file(tmp_path, size)
    assert await supabase.put("assets", key, file, GLB) == Put(created=True)
    assert await supabase.put("assets", key, file, GLB) == Put(created=False)
    other = await supabase.put("assets", key, new_file(tmp_path, size + 1), GLB)
    assert isinstance(other, StorageRefused)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_of_many_writers_one_creates(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, size: int
) -> None:
    """Five at once: one object, whole; each writer knows that it lies there."""
    key, file = new_key(), new_file(tmp_path, size)
    outcomes = await asyncio.gather(*(supabase.put("assets", key, file, GLB) for _ in range(5)))
    assert sorted(outcomes, key=str) == [*[Put(created=False)] * 4, Put(created=True)]
    assert platform.stored("assets")[key] == content_of(size)


async def test_the_new_kind_of_key(platform: StorageServer, tmp_path: Path) -> None:
    """`sb_secret_…` is no JWT, and works as one."""
    storage = SupabaseStorage(f"{platform.url}/", f" {SECRET_KEY}\n", FAST)
    for size in (SMALL, LARGE):
        put = await storage.put("assets", new_key(), new_file(tmp_path, size), GLB)
        assert put == Put(created=True)
    await storage.close()


async def test_what_is_too_large_is_not_read(supabase: SupabaseStorage, tmp_path: Path) -> None:
    """The limit is the caller's, and it is said so."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    outcome = await supabase.read_to("assets", key, tmp_path / "read", SMALL - 1)
    assert isinstance(outcome, TooLarge)


async def test_what_is_missing(supabase: SupabaseStorage, tmp_path: Path) -> None:
    """Is said to be, whatever was wanted of it."""
    key = new_key()
    assert isinstance(await supabase.read_to("assets", key, tmp_path / "read", 10), Missing)
    assert isinstance(await supabase.copy("assets", key, "templates", key), Missing)
    assert isinstance(await supabase.sign("assets", key, 60), Missing)
    assert await supabase.remove("assets", [key]) == Removed((key,))


async def test_no_path_leads_into_another_bucket(supabase: SupabaseStorage, tmp_path: Path) -> None:
    """The service role may read everything, so a user's path must not choose the bucket."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    for path in (f"x/../../assets/{key}", f"x/%2e%2e/%2e%2e/assets/{key}", f"../assets/{key}"):
        outcome = await supabase.read_to("inputs", path, tmp_path / "read", SMALL)
        assert isinstance(outcome, Missing)


async def test_removing(platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path) -> None:
    """Removes all that it was given, and a second time is told that they are gone."""
    keys = [new_key() for _ in range(3)]
    for key in keys:
        await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    for _ in range(2):
        assert await supabase.remove("assets", keys) == Removed(tuple(keys))
        assert not platform.stored("assets").keys() & set(keys)
    assert await supabase.remove("assets", []) == Removed(())


async def test_removing_what_users_named(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """Names that we would never give are asked about too, apart from ours."""
    ours, odd = new_key(), f"{uuid4()}//front.png"
    await supabase.put("assets", ours, new_file(tmp_path, SMALL), GLB)
    platform.faults.clear()
    assert await supabase.remove("assets", [odd, ours]) == Removed((odd, ours))
    assert platform.faults.seen.count("remove") == 2
    platform.script("remove", None, Answer(400, "InvalidKey", "Invalid key"))
    assert await supabase.remove("assets", [odd, ours]) == Removed((ours,))


async def test_a_key_that_may_not_remove(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """The platform answers as if all were well; that the object stays is not passed over."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    with seeing_all(platform.db):
        weak = SupabaseStorage(platform.url, token("authenticated", sub=str(uuid4())), FAST)
        assert await weak.remove("assets", [key, "never"]) == Removed(("never",))
        await weak.close()


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_a_key_that_sees_nothing(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, role: str
) -> None:
    """The app's own key in the worker's place: to that, everything seems to be gone."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    weak = SupabaseStorage(platform.url, token(role, sub=str(uuid4())), FAST)
    outcome = await weak.remove("assets", [key])
    await weak.close()
    assert isinstance(outcome, StorageRefused)
    assert "SUPABASE_SERVICE_ROLE_KEY" in outcome.why
    assert key in platform.stored("assets")


@contextmanager
def seeing_all(db: Database) -> Iterator[None]:
    admin = db.superuser()
    for table in ("buckets", "objects"):
        admin.execute(f"create policy seeing on storage.{table} for select using (true)")
    yield
    for table in ("buckets", "objects"):
        admin.execute(f"drop policy seeing on storage.{table}")


async def test_a_copy_into_the_public_bucket(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """Opens without a key; a repeated copy finds it."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    assert await supabase.copy("assets", key, "templates", key) == Put(created=True)
    assert await supabase.copy("assets", key, "templates", key) == Put(created=False)
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(supabase.public_url("templates", key))
    assert answer.content == content_of(SMALL)
    assert answer.headers["content-type"] == GLB
    assert supabase.url("assets", key).startswith(f"{platform.url}/storage/v1/object/authentic")


async def test_a_copy_that_only_seems_to_be_made(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """A page of somebody between us says 200: it is asked for again."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    platform.script("copy", Answer(200, message="<html>soon back</html>", wrapped=False))
    assert await supabase.copy("assets", key, "templates", key) == Put(created=True)
    assert platform.stored("templates")[key] == content_of(SMALL)


async def test_a_signed_address(supabase: SupabaseStorage, tmp_path: Path) -> None:
    """Opens without any header, in parts too; not after its time."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    signed, expired = [await supabase.sign("assets", key, seconds) for seconds in (60, -1)]
    assert isinstance(signed, str)
    assert isinstance(expired, str)
    async with httpx.AsyncClient() as anybody:
        part = await anybody.get(signed, headers={"range": "bytes=10-19"})
        late = await anybody.get(expired)
    assert (part.status_code, part.content) == (206, content_of(SMALL)[10:20])
    assert late.json()["error"] == "InvalidJWT"


FULL = [
    Answer(402, "Payment Required", "restricted: exceed_storage_size_quota"),
    Answer(507, "Insufficient Storage", "no room"),
    Answer(500, "Internal", "ENOSPC: no space left on device"),
    Answer(400, "InvalidRequest", "the project's storage quota is used up"),
]
REFUSED = {
    "ASSET_MAX_MB": Answer(413, "Payload too large", "The object exceeded the maximum size"),
    "type": Answer(415, "invalid_mime_type", "mime type x is not supported"),
    "SUPABASE_URL": Answer(400, "InvalidKey", "Invalid key: x"),
    "SUPABASE_SERVICE_ROLE_KEY": Answer(403, "Unauthorized", "Invalid Compact JWS"),
    "secret key": Answer(400, "InvalidJWT", "exp claim timestamp check failed"),
    "meshqueue migrate": Answer(404, "Bucket not found", "Bucket not found"),
}


@pytest.mark.parametrize("answer", FULL, ids=str)
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_no_room(  # noqa: PLR0913 - every way in which it is said
    platform: StorageServer,
    supabase: SupabaseStorage,
    tmp_path: Path,
    answer: Answer,
    size: int,
    *,
    wrapped: bool,
) -> None:
    """Is told apart from a refusal: the same file can be stored later."""
    key, file = new_key(), new_file(tmp_path, size)
    said = Answer(answer.status, answer.error, answer.message, wrapped)
    platform.script("upload" if size == SMALL else "create", said)
    assert isinstance(await supabase.put("assets", key, file, GLB), StorageFull)
    assert await supabase.put("assets", key, file, GLB) == Put(created=True)


@pytest.mark.parametrize("advice", REFUSED)
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_refusals(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, advice: str, size: int
) -> None:
    """Are not tried again, and say what to do."""
    platform.script("upload" if size == SMALL else "create", REFUSED[advice])
    outcome = await supabase.put("assets", new_key(), new_file(tmp_path, size), GLB)
    assert isinstance(outcome, StorageRefused)
    assert advice in outcome.why
    assert len(platform.faults.seen) == 1


Ask = Callable[[SupabaseStorage, Path], Awaitable[object]]
ASKS: dict[str, Ask] = {
    "put": lambda storage, path: storage.put("nowhere", "k", path, GLB),
    "read": lambda storage, path: storage.read_to("nowhere", "k", path, 9),
    "remove": lambda storage, _: storage.remove("nowhere", ["k"]),
}


@pytest.mark.parametrize("ask", ASKS)
async def test_without_a_bucket(supabase: SupabaseStorage, tmp_path: Path, ask: str) -> None:
    """The operator is told how to make it."""
    outcome = await ASKS[ask](supabase, new_file(tmp_path, SMALL))
    assert isinstance(outcome, StorageRefused)
    assert "meshqueue migrate" in outcome.why


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_a_weak_key(platform: StorageServer, tmp_path: Path, role: str) -> None:
    """Somebody set the anon key: the operator is told which variable is wrong."""
    storage = SupabaseStorage(platform.url, token(role), FAST)
    for size in (SMALL, LARGE):
        outcome = await storage.put("assets", new_key(), new_file(tmp_path, size), GLB)
        assert isinstance(outcome, StorageRefused)
        assert "SUPABASE_SERVICE_ROLE_KEY" in outcome.why
    await storage.close()


FORGED = token("service_role")[:-3] + "xyz"


@pytest.mark.parametrize("key", ["guessed", "a.b.c", FORGED], ids=["word", "dots", "forged"])
async def test_a_wrong_key_is_not_repeated(
    platform: StorageServer, tmp_path: Path, key: str
) -> None:
    """No outcome, no representation holds it."""
    storage = SupabaseStorage(platform.url, key, FAST)
    platform.script("upload", Answer(403, "Unauthorized", f"bad token {key} ?token=abc"))
    for _ in range(2):
        outcome = await storage.put("assets", new_key(), new_file(tmp_path, SMALL), GLB)
        assert isinstance(outcome, StorageRefused)
        assert "SUPABASE_SERVICE_ROLE_KEY" in outcome.why
        assert key not in outcome.why
        assert "token=abc" not in outcome.why
    assert key not in repr(vars(storage))
    await storage.close()


async def test_retry_after_is_obeyed(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """A short one is waited for; a long one is left to a later call."""
    file = new_file(tmp_path, SMALL)
    platform.script("upload", Answer(429, "SlowDown", "slower", retry_after="1"))
    assert await supabase.put("assets", new_key(), file, GLB) == Put(created=True)
    platform.faults.clear()
    platform.script("upload", Answer(429, "SlowDown", "slower", retry_after="3600"))
    outcome = await supabase.put("assets", new_key(), file, GLB)
    assert isinstance(outcome, StorageUnreachable)
    assert platform.faults.seen == ["upload"]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", "k"),
        ("project.supabase.co", "k"),
        ("ftp://x", "k"),
        ("https://", "k"),
        ("https://user:pass@x", "k"),
        ("https://x", ""),
        ("https://x", "a\nb"),
        ("https://x", "schlüssel"),
        ("https://x", "two words"),
    ],
)
def test_settings_that_can_not_work(url: str, key: str) -> None:
    """Are refused at once, by the variable's name and without the key."""
    with pytest.raises(SettingsError, match="SUPABASE_") as refused:
        SupabaseStorage(url, key)
    assert key not in str(refused.value) or len(key) < 2
