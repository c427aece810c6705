"""The folder keeps what Supabase Storage promises, on a disk."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.conftest import BASE_URL
from tests.support.small_disk import small_disk
from worker.storage.folder import FolderStorage
from worker.storage.outcome import (
    Missing,
    Put,
    Read,
    Removed,
    StorageFull,
    StorageRefused,
    TooLarge,
)
from worker.storage.token import kept_secret

GLB = "model/gltf-binary"
KEY = "u/models/j/model-0123456789abcdef.glb"
CONTENT = b"glTF" * 1000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.glb"
    path.write_bytes(CONTENT)
    return path


def names_in(folder: FolderStorage) -> list[str]:
    return [path.name for path in folder.folder.rglob("*") if path.is_file()]


async def test_what_was_put_is_read(folder: FolderStorage, model: Path, tmp_path: Path) -> None:
    """Byte for byte, and nothing else lies in the folder."""
    assert await folder.put("assets", KEY, model, GLB) == Put(created=True)
    target = tmp_path / "read"
    assert await folder.read_to("assets", KEY, target, len(CONTENT)) == Read(len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert names_in(folder) == ["model-0123456789abcdef.glb"]


async def test_a_full_disk_is_a_full_storage(tmp_path: Path, model: Path) -> None:
    """It says so, leaves no half file, and takes the same file once there is room."""
    with small_disk(tmp_path / "disk", pages=1) as disk:
        folder = FolderStorage(disk.path / "objects")
        (disk.path / "other").write_bytes(CONTENT)
        outcome = await folder.put("assets", KEY, model, GLB)
        assert isinstance(outcome, StorageFull)
        assert "No space left on device" in outcome.why
        assert names_in(folder) == []
        disk.hold(2)
        assert await folder.put("assets", KEY, model, GLB) == Put(created=True)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.glb"
    path.write_bytes(b"other")
    return path


async def test_a_repeated_put_finds_the_first(
    folder: FolderStorage, model: Path, other: Path
) -> None:
    """The same content under its key is no fault, other content is refused and changes nothing."""
    await folder.put("assets", KEY, model, GLB)
    assert await folder.put("assets", KEY, model, GLB) == Put(created=False)
    assert isinstance(await folder.put("assets", KEY, other, GLB), StorageRefused)
    assert folder.path("assets", KEY).read_bytes() == CONTENT


async def test_of_many_writers_one_creates(folder: FolderStorage, model: Path) -> None:
    """Twenty at once: one object, whole, no half files; each writer knows that it lies there."""
    outcomes = await asyncio.gather(*(folder.put("assets", KEY, model, GLB) for _ in range(20)))
    assert sorted(map(str, outcomes)) == sorted(
        map(str, [Put(created=True), *[Put(created=False)] * 19])
    )
    assert names_in(folder) == ["model-0123456789abcdef.glb"]
    assert folder.path("assets", KEY).read_bytes() == CONTENT


async def test_what_is_too_large_is_not_read(
    folder: FolderStorage, model: Path, tmp_path: Path
) -> None:
    """The limit is the caller's, and it is said so."""
    await folder.put("assets", KEY, model, GLB)
    outcome = await folder.read_to("assets", KEY, tmp_path / "read", len(CONTENT) - 1)
    assert isinstance(outcome, TooLarge)


async def test_removing_twice_is_removing(folder: FolderStorage, model: Path) -> None:
    """What was gone before counts as removed."""
    await folder.put("assets", KEY, model, GLB)
    for _ in range(2):
        assert await folder.remove("assets", [KEY, "u/never"]) == Removed((KEY, "u/never"))
        assert isinstance(folder.find("assets", KEY), Missing)


async def test_a_copy_is_an_object_of_its_own(folder: FolderStorage, model: Path) -> None:
    """It stays when the first is removed; a repeated copy finds it; of nothing there is none."""
    await folder.put("assets", KEY, model, GLB)
    assert await folder.copy("assets", KEY, "templates", KEY) == Put(created=True)
    assert await folder.copy("assets", KEY, "templates", KEY) == Put(created=False)
    await folder.remove("assets", [KEY])
    assert folder.path("templates", KEY).read_bytes() == CONTENT
    assert isinstance(await folder.copy("assets", KEY, "templates", KEY), Missing)


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("assets", ""),
        ("assets", "."),
        ("assets", ".."),
        ("assets", "../inputs/x"),
        ("assets", "a/../../b"),
        ("assets", "/etc/passwd"),
        ("assets", "a//b"),
        ("assets", "a/"),
        ("assets", "a\0b"),
        ("assets", "a\\..\\b"),
        ("assets", "a%2e%2e/b"),
        ("assets", "grün.png"),
        ("assets", "a\nb"),
        ("assets", ".half~"),
        ("assets", "x" * 901),
        ("..", "x"),
        (".", "x"),
        ("", "x"),
        ("a/b", "x"),
        ("/tmp", "x"),  # noqa: S108 - it is refused
        ("assets", "link/secret"),
        ("assets", "secret-link"),
    ],
)
async def test_nothing_leads_out(
    folder: FolderStorage, model: Path, tmp_path: Path, bucket: str, key: str
) -> None:
    """No key, no bucket and no link writes, reads, removes or signs outside of the bucket."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (folder.folder / "assets").mkdir(parents=True)
    (folder.folder / "assets" / "link").symlink_to(outside)
    (folder.folder / "assets" / "secret-link").symlink_to(outside / "secret")
    assert isinstance(await folder.put(bucket, key, model, GLB), StorageRefused)
    assert isinstance(await folder.read_to(bucket, key, tmp_path / "read", 100), Missing)
    assert isinstance(await folder.copy(bucket, key, "assets", "copy"), Missing)
    assert isinstance(await folder.sign(bucket, key, 60), Missing)
    await folder.remove(bucket, [key])
    assert (outside / "secret").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


async def test_addresses_are_those_of_the_platform(folder: FolderStorage, model: Path) -> None:
    """Authenticated, public and signed, under the HTTP face's own address."""
    await folder.put("assets", KEY, model, GLB)
    root = f"{BASE_URL}/storage/v1/object"
    assert folder.url("assets", KEY) == f"{root}/authenticated/assets/{KEY}"
    assert folder.public_url("templates", KEY) == f"{root}/public/templates/{KEY}"
    signed = await folder.sign("assets", KEY, 60)
    assert isinstance(signed, str)
    assert signed.startswith(f"{root}/sign/assets/{KEY}?token=")


async def test_without_a_face_addresses_are_files(tmp_path: Path, model: Path) -> None:
    """Nothing serves the folder then."""
    folder = FolderStorage(tmp_path / "storage")
    await folder.put("assets", KEY, model, GLB)
    assert folder.url("assets", KEY) == folder.path("assets", KEY).as_uri()
    assert await folder.sign("assets", KEY, 60) == folder.path("assets", KEY).as_uri()


def test_a_token_opens_one_object_for_a_while(folder: FolderStorage) -> None:
    """Not another key, not another bucket, not later, not with one character changed."""
    token = folder.signer.token("assets", KEY, 60)
    assert folder.signer.opens(token, "assets", KEY)
    assert not folder.signer.opens(token, "assets", KEY + "x")
    assert not folder.signer.opens(token, "inputs", KEY)
    assert not folder.signer.opens(folder.signer.token("assets", KEY, -1), "assets", KEY)
    expiry, _, mac = token.partition(".")
    for forged in ("", ".", token[:-1], f"{int(expiry) + 1}.{mac}", f"x.{mac}", "é.é"):
        assert not folder.signer.opens(forged, "assets", KEY)


def test_the_secret_lasts(folder: FolderStorage) -> None:
    """A token opens after a restart; the secret lies beside the folder, for its owner alone."""
    token = folder.signer.token("assets", KEY, 60)
    assert FolderStorage(folder.folder).signer.opens(token, "assets", KEY)
    secret = folder.folder.with_name("storage.secret")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    other = FolderStorage(folder.folder, secret=b"given")
    assert not other.signer.opens(token, "assets", KEY)


def test_processes_share_one_secret(tmp_path: Path) -> None:
    """Eight that start at once all sign alike."""
    path = tmp_path / "storage.secret"
    program = (
        "import sys; from pathlib import Path; from worker.storage.token import kept_secret;"
        "sys.stdout.write(kept_secret(Path(sys.argv[1])).hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
        for _ in range(8)
    ]
    said = {process.communicate()[0].decode() for process in started}
    assert said == {kept_secret(path).hex()}
