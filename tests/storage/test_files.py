"""The folder's addresses over HTTP, as an app opens them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.storage.conftest import BASE_URL
from tests.storage.files import GLB, content_of, new_file, new_key
from worker.http.files import Files
from worker.storage.folder import FolderStorage

SIZE = 300_000


@pytest.fixture
async def app(folder: FolderStorage) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=Files(folder).routes()))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


async def signed(folder: FolderStorage, tmp_path: Path, seconds: int = 60) -> str:
    key = new_key()
    await folder.put("assets", key, new_file(tmp_path, SIZE), GLB)
    address = await folder.sign("assets", key, seconds)
    assert isinstance(address, str)
    return address


def told(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["statusCode"], body["error"]


async def test_a_signed_address_opens(
    app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path
) -> None:
    """The whole file with its type, to be kept but not shared; HEAD says the same without it."""
    address = await signed(folder, tmp_path)
    got, head = await app.get(address), await app.head(address)
    assert got.content == content_of(SIZE)
    assert head.content == b""
    for answer in (got, head):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == GLB
        assert answer.headers["content-length"] == str(SIZE)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"].startswith("private, max-age=31536000")
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_parts(app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path) -> None:
    """A download goes on where it was cut; beyond the end there is nothing."""
    address = await signed(folder, tmp_path)
    part = await app.get(address, headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, content_of(SIZE)[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{SIZE}"
    rest = await app.get(address, headers={"range": f"bytes={SIZE - 5}-"})
    assert (rest.status_code, rest.content) == (206, content_of(SIZE)[-5:])
    beyond = await app.get(address, headers={"range": f"bytes={SIZE}-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("change", ["expired", "forged", "none", "of another", "of no bytes"])
async def test_tokens_that_do_not_open(
    app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path, change: str
) -> None:
    """Each is answered as the platform answers it, and no byte of the file comes."""
    address = await signed(folder, tmp_path, -1 if change == "expired" else 60)
    other = await signed(folder, tmp_path)
    wrong = {
        "expired": address,
        "forged": address[:-2] + ("AA" if address[-2:] != "AA" else "BB"),
        "none": address.partition("?")[0],
        "of another": address.partition("?")[0] + "?" + other.partition("?")[2],
        "of no bytes": address.partition("=")[0] + "=%00%ff",
    }[change]
    assert told(await app.get(wrong)) == (400, "400", "InvalidJWT")


async def test_what_is_gone(app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path) -> None:
    """A good token for a removed object opens nothing."""
    key = new_key()
    await folder.put("assets", key, new_file(tmp_path, SIZE), GLB)
    address = await folder.sign("assets", key, 60)
    assert isinstance(address, str)
    await folder.remove("assets", [key])
    assert told(await app.get(address)) == (400, "404", "not_found")


@pytest.mark.parametrize("bucket", ["inputs", "assets", "templates"])
async def test_the_public_address(
    app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path, bucket: str
) -> None:
    """Opens templates for everybody, and nothing else."""
    key = new_key()
    await folder.put(bucket, key, new_file(tmp_path, SIZE), GLB)
    answer = await app.get(folder.public_url(bucket, key))
    assert (answer.content == content_of(SIZE)) is (bucket == "templates")
    assert answer.status_code == (200 if bucket == "templates" else 404)


@pytest.mark.parametrize(
    "path",
    [
        "../assets/{key}",
        "..%2Fassets/{key}",
        "%2e%2e/assets/{key}",
        "%2Fetc%2Fpasswd",
        "a%00b",
        "",
        "{folder}",
    ],
)
async def test_no_path_leads_out(
    app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path, path: str
) -> None:
    """Not by dots, however they are written, nor to a folder."""
    key = new_key()
    await folder.put("assets", key, new_file(tmp_path, SIZE), GLB)
    await folder.put("templates", key, new_file(tmp_path, SIZE), GLB)
    root = folder.public_url("templates", "")
    answer = await app.get(root + path.format(key=key, folder=key.partition("/")[0]))
    assert answer.status_code in (400, 404)
    assert answer.content != content_of(SIZE)


@pytest.mark.parametrize("ending", ["html", "svg", "js", "bin", ""])
async def test_nothing_that_a_browser_runs(
    app: httpx.AsyncClient, folder: FolderStorage, tmp_path: Path, ending: str
) -> None:
    """Whatever it is called."""
    key = f"u/page.{ending}" if ending else "u/page"
    await folder.put("templates", key, new_file(tmp_path, SIZE), "text/html")
    answer = await app.get(folder.public_url("templates", key))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
