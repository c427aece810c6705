"""An input image by token, address or the task that made it; never as bytes in the body."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker.simulator import inputs
from worker.simulator.inputs import BadInput
from worker.simulator.tripo import errors

if TYPE_CHECKING:
    from worker.simulator.tripo.provider import Tripo

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")
TOKEN = "file_"  # noqa: S105 - how a file's token begins


async def read_reference(tripo: "Tripo", value: Any) -> str:
    """The digest of what it shows."""
    match value:
        case {"file_token": str(token), **rest} if set(rest) <= {"type"}:
            return _by_token(tripo, token)
        case {"url": str(url), **rest} if set(rest) <= {"type"}:
            return await _by_address(url)
        case str() if value.startswith(TOKEN):
            return _by_token(tripo, value)
        case str() if "://" in value:
            return await _by_address(value)
        case str() if value.startswith("data:"):
            raise errors.invalid("Invalid parameter: data URIs are not accepted, upload the file")
        case str() if _is_uuid(value):
            raise errors.no_task() if value not in tripo.tasks else errors.wrong_source()
    raise errors.invalid("Invalid parameter: input must be a file token, a URL or a task id")


def _by_token(tripo: "Tripo", token: str) -> str:
    upload = tripo.shelf.find(token)
    if upload is None or not upload.arrived:
        raise errors.file_missing()
    if not upload.is_image:
        raise errors.file_type()
    return upload.digest


async def _by_address(url: str) -> str:
    plain = url.startswith("http://") and not any(host in url for host in inputs.LOOPBACK)
    if plain:
        raise errors.invalid("Invalid parameter: the URL must be https")
    try:
        return (await inputs.fetch(url, EXTENSIONS)).digest
    except BadInput as error:
        raise errors.invalid(f"Invalid parameter: {error}") from None


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
