"""Tokens that open one object for a while: HMAC-SHA256 over bucket, key and expiry."""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from worker.storage.exclusive import PRIVATE, write_into_place

SECRET_BYTES = 32


class Signer:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, bucket: str, key: str, seconds: int) -> str:
        expiry = str(int(time.time()) + seconds)
        return f"{expiry}.{self._mac(bucket, key, expiry)}"

    def opens(self, token: str, bucket: str, key: str) -> bool:
        expiry, _, mac = token.partition(".")
        expected = self._mac(bucket, key, expiry)
        if not hmac.compare_digest(mac.encode(errors="replace"), expected.encode()):
            return False
        return int(expiry) > time.time()  # a number: nobody else could have signed it

    def _mac(self, bucket: str, key: str, expiry: str) -> str:
        said = f"meshqueue object\0{bucket}\0{key}\0{expiry}".encode(errors="replace")
        digest = hmac.digest(self._secret, said, hashlib.sha256)
        return urlsafe_b64encode(digest).decode().rstrip("=")


def kept_secret(path: Path) -> bytes:
    """Made once; of several processes at once all get the same."""
    with suppress(FileExistsError):
        write_into_place(secrets.token_bytes(SECRET_BYTES), path, PRIVATE)
    return path.read_bytes()
