"""How an answer is read. Storage wraps its errors as HTTP 400, the real status in the body."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any, TypeVar

import httpx
import orjson
from storage3.exceptions import StorageApiError
from storage3.utils import StorageException

from worker.storage.supabase.wrong import SERVERS_FAULT, Wrong, no_answer

T = TypeVar("T")

LONGEST_CODE = 60
LONGEST_SAID = 300
_SECRETS = re.compile(r"eyJ[\w.-]+|sb_[a-z]+_\w+|(?<=token=)[^\s&\"']+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_STATUS = re.compile(r"[45]\d\d")
_SECONDS = re.compile(r"\d{1,8}")  # a date counts as none


async def answered(call: Awaitable[T], within: float) -> T | Wrong:
    """Whatever happens ends as a value."""
    try:
        async with asyncio.timeout(within):
            return await call
    except StorageApiError as error:
        return _from_client(error)
    except TimeoutError:
        return no_answer(f"no answer within {within:.0f} s")
    except httpx.HTTPError as error:
        return no_answer(type(error).__name__)
    except (ValueError, KeyError, TypeError, StorageException):
        return no_answer("an answer that can't be understood")


def wrong_answer(answer: httpx.Response) -> Wrong:
    """Servers like to repeat what they did not like: the key is taken out of it."""
    key = answer.request.headers["apikey"].encode()
    content = answer.content.replace(key, "…".encode())
    body = _json(content)
    status = str(body.get("statusCode"))
    retry_after = answer.headers.get("retry-after", "")
    return Wrong(
        status=int(status) if _STATUS.fullmatch(status) else answer.status_code,
        code=_fit(str(body.get("error") or body.get("code") or ""), LONGEST_CODE),
        said=_fit(str(body.get("message") or "") or content.decode(errors="replace")),
        retry_after=float(retry_after) if _SECONDS.fullmatch(retry_after) else 0.0,
    )


def _from_client(error: StorageApiError) -> Wrong:
    """The client drops the headers; they still hang on the error that this one came from."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, httpx.HTTPStatusError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return wrong_answer(cause.response)
    return Wrong(SERVERS_FAULT, _fit(str(error.code), LONGEST_CODE), _fit(str(error.message)))


def _json(content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _fit(text: str, longest: int = LONGEST_SAID) -> str:
    clean = _UNFIT.sub(" ", _SECRETS.sub("…", text[: 4 * longest])).strip()
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
