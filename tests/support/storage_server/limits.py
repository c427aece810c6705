"""What a bucket takes."""

import re

from tests.support.storage_server.refusal import TOO_LARGE, bad_key, bad_type
from tests.support.storage_server.rows import Row

PROJECT_LIMIT = 100 * 1024 * 1024
KEY = re.compile(r"[\w/!.*'() &$@=;:+,?-]+", re.ASCII)


def check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise bad_key(key)


def check_type(bucket: Row, content_type: str) -> None:
    allowed = bucket["allowed_mime_types"]
    if allowed is not None and content_type.partition(";")[0] not in allowed:
        raise bad_type(content_type)


def check_size(bucket: Row, size: int) -> None:
    if size > min(bucket["file_size_limit"] or PROJECT_LIMIT, PROJECT_LIMIT):
        raise TOO_LARGE
