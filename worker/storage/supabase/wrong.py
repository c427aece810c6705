"""Whatever is not the answer that was asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    TAKEN = "taken"
    MISSING = "missing"
    NO_BUCKET = "no_bucket"
    NO_RESUMABLE = "no_resumable"
    FULL = "full"
    TOO_LARGE = "too_large"
    BAD_TYPE = "bad_type"
    BAD_KEY = "bad_key"
    REFUSED = "refused"
    PASSING = "passing"


NO_ANSWER = 0
NO_RESUMABLE = "NoResumable"  # our own code; the others are Storage's old and new ones
BY_CODE = {
    NO_RESUMABLE: Kind.NO_RESUMABLE,
    "Duplicate": Kind.TAKEN,
    "ResourceAlreadyExists": Kind.TAKEN,
    "KeyAlreadyExists": Kind.TAKEN,
    "not_found": Kind.MISSING,
    "NoSuchKey": Kind.MISSING,
    "Bucket not found": Kind.NO_BUCKET,
    "NoSuchBucket": Kind.NO_BUCKET,
    "Payload too large": Kind.TOO_LARGE,
    "EntityTooLarge": Kind.TOO_LARGE,
    "invalid_mime_type": Kind.BAD_TYPE,
    "InvalidMimeType": Kind.BAD_TYPE,
    "InvalidJWT": Kind.BAD_KEY,
    "AccessDenied": Kind.BAD_KEY,
    "Unauthorized": Kind.BAD_KEY,
    "InvalidKey": Kind.REFUSED,
}
BY_STATUS = {
    NO_ANSWER: Kind.PASSING,
    401: Kind.BAD_KEY,
    402: Kind.FULL,
    403: Kind.BAD_KEY,
    408: Kind.PASSING,
    413: Kind.TOO_LARGE,
    415: Kind.BAD_TYPE,
    423: Kind.PASSING,
    425: Kind.PASSING,
    429: Kind.PASSING,
    507: Kind.FULL,
}
BY_WORDS: Mapping[re.Pattern[str], Kind] = {
    re.compile(words, re.IGNORECASE): kind
    for words, kind in {
        r"quota|no space left|insufficient storage": Kind.FULL,
        r"already exists": Kind.TAKEN,
        r"bucket not found": Kind.NO_BUCKET,
        r"object not found": Kind.MISSING,
        r"\bjw[ts]\b|signature verification|api key|authoriz|credentials": Kind.BAD_KEY,
    }.items()
}
SERVERS_FAULT = 500


@dataclass(frozen=True, slots=True)
class Wrong:
    status: int
    """NO_ANSWER: nobody knows what was done."""
    code: str
    said: str
    retry_after: float = 0.0

    @property
    def kind(self) -> Kind:
        """From the code first: it says the most. TUS answers have only a status and words."""
        if kind := BY_CODE.get(self.code) or BY_STATUS.get(self.status):
            return kind
        kinds = (kind for words, kind in BY_WORDS.items() if words.search(self.said))
        return next(kinds, Kind.PASSING if self.status >= SERVERS_FAULT else Kind.REFUSED)

    def __str__(self) -> str:
        what = f"HTTP {self.status} {self.code}".strip() if self.status else "no answer"
        return f"{what}: {self.said}" if self.said else what


def no_answer(why: str) -> Wrong:
    return Wrong(NO_ANSWER, "", why)
