"""What leaves this package as text carries no key, no signed address and no picture."""

import math
import re
from typing import Any

import orjson

from worker.providers.failure import Failure, Kind

LONGEST_DETAIL = 500
LONGEST_TEXT = 2000
LONGEST_JSON = 16_384

_KEY = re.compile(r"\b(?:msy|tsk|r8|sk|whsec)[_-][\w+/=.-]+")
_BEARER = re.compile(r"\b(bearer|token)\s+[\w+/=.~-]{8,}", re.IGNORECASE)
_QUERY = re.compile(r"(\bhttps?://[^\s?#\"'<>]+)[?#][^\s\"'<>]*", re.IGNORECASE)
_LOGIN = re.compile(r"(\bhttps?://)[^\s/@\"'<>]+@", re.IGNORECASE)
_DATA_URI = re.compile(r"\bdata:([\w/+.-]*)[;,][^\s\"'<>]*", re.IGNORECASE)
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def redacted(text: str, longest: int = LONGEST_TEXT) -> str:
    # Cut twice: a text of megabytes is not searched, and a key is not cut before it is known.
    text = text[: 4 * longest]
    text = _UNFIT.sub(" ", text)
    text = _DATA_URI.sub(r"data:\1,…", text)
    text = _LOGIN.sub(r"\1", text)
    text = _QUERY.sub(r"\1?…", text)
    text = _BEARER.sub(r"\1 …", text)
    text = _KEY.sub("…", text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def redacted_json(value: Any) -> Any:
    """What fits a row stays JSON; of the rest, the beginning as text.

    Cleaning 20 MB text by text takes 12 s, so size is looked at first.
    """
    try:
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:  # it reads 1024 levels and writes 254
        return "nested too deeply to be kept"
    if len(written) > LONGEST_JSON:
        return redacted(written[: 4 * LONGEST_TEXT].decode(errors="replace"))
    return _cleaned(value)


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return redacted(value)
        case dict():
            return {redacted(key, 100): _cleaned(each) for key, each in value.items()}
        case list():
            return [_cleaned(each) for each in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def clean_failure(
    kind: Kind,
    detail: str,
    *,
    code: str = "",
    retry_after: float | None = None,
    raw: Any = None,
) -> Failure:
    return Failure(
        kind,
        redacted(detail, LONGEST_DETAIL),
        redacted(code, 100),
        retry_after,
        redacted_json(raw),
    )
