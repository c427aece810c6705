"""What clients send in: pictures and models, as data URI or address; really decoded."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

FETCH_TIMEOUT = 5.0
MOST_PIXELS = 60_000_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")
UNREACHABLE = ".invalid"  # the top-level domain that never resolves
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
DATA_URI = re.compile(r"data:([\w.+/-]+);base64,(.*)", re.DOTALL)


class BadInput(Exception):  # noqa: N818 - the provider's answer, not an error of ours
    pass


@dataclass(frozen=True, slots=True)
class Input:
    digest: str
    data: bytes | None = None
    """None: an address that the simulator does not fetch."""


@dataclass(frozen=True, slots=True)
class Picture:
    format: str
    width: int
    height: int


def decode_data_uri(value: str, content_types: tuple[str, ...]) -> Input:
    found = DATA_URI.fullmatch(value)
    if found is None:
        raise BadInput("malformed data URI")
    if found[1] not in content_types:
        raise BadInput(f"unsupported format {found[1]}: send {' or '.join(content_types)}")
    try:
        data = base64.b64decode(found[2], validate=True)
    except binascii.Error as error:
        raise BadInput(f"malformed data URI: {error}") from None
    return Input(hashlib.sha256(data).hexdigest(), data)


def read_picture(data: bytes, formats: tuple[str, ...]) -> Picture:
    try:
        with Image.open(BytesIO(data), formats=formats) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadInput("the image is too large")
            image.load()
            return Picture(str(image.format), image.width, image.height)
    except UNREADABLE:
        raise BadInput(f"not a readable image: send {' or '.join(formats)}") from None


async def fetch(url: str, extensions: tuple[str, ...]) -> Input:
    """A real provider fetches every address; the simulator goes no further than this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput("neither an address nor a data URI")
    check_extension(parts.path, extensions)
    if host.endswith(UNREACHABLE):
        raise BadInput("the address is unreachable")
    if host in LOOPBACK:
        data = await _download(url)
        return Input(hashlib.sha256(data).hexdigest(), data)
    return Input(hashlib.sha256(url.encode()).hexdigest())


def check_extension(path: str, extensions: tuple[str, ...]) -> None:
    name = path.rpartition("/")[2].lower()
    extension = "." + name.rpartition(".")[2] if "." in name else ""
    if extension and extension not in extensions:
        raise BadInput(f"Invalid file extension: {extension}")


def without_bytes(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it is booked: data URIs stand as what they hold."""
    return {name: _without_bytes(value) for name, value in body.items()}


def _without_bytes(value: Any) -> Any:
    match value:
        case str() if value.startswith("data:"):
            return _digest(value)
        case list():
            return [_without_bytes(item) for item in value]
        case dict():
            return without_bytes(value)
    return value


def _digest(uri: str) -> dict[str, Any]:
    header, _, payload = uri.partition(",")
    try:
        data = base64.b64decode(payload, validate=True)
    except binascii.Error:
        data = payload.encode()
    return {
        "content_type": header.removeprefix("data:").removesuffix(";base64"),
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }


async def _download(url: str) -> bytes:
    try:
        async with httpx.AsyncClient(
            timeout=FETCH_TIMEOUT, trust_env=False, verify=url.startswith("https:")
        ) as client:
            response = await client.get(url)
            response.raise_for_status()
    except httpx.HTTPError:
        raise BadInput("the address is unreachable") from None
    return response.content
