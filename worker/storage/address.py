"""Bucket and key: which are allowed, and the addresses under which an object is found."""

import re
from urllib.parse import quote

ROOT = "/storage/v1/object"
LONGEST_KEY = 900
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
# What Supabase Storage takes in a key, without `%`, which its Python client would decode.
_KEY = re.compile(r"[A-Za-z0-9_/!.*'() &$@=;:+,?-]+")


def flaw_of(bucket: str, key: str) -> str | None:
    """Why no object can have this address."""
    if not _BUCKET.fullmatch(bucket):
        return "the bucket's name has characters that are not allowed"
    if len(key) > LONGEST_KEY:
        return f"the key is longer than {LONGEST_KEY} characters"
    if not _KEY.fullmatch(key):
        return "the key is empty or has characters that are not allowed"
    if {"", ".", ".."}.intersection(key.split("/")):
        return "the key has an empty part, or one of dots alone"
    return None


def authenticated_path(bucket: str, key: str) -> str:
    return f"{ROOT}/authenticated/{quote(bucket)}/{quote(key)}"


def public_path(bucket: str, key: str) -> str:
    return f"{ROOT}/public/{quote(bucket)}/{quote(key)}"


def signed_path(bucket: str, key: str, token: str) -> str:
    return f"{ROOT}/sign/{quote(bucket)}/{quote(key)}?token={token}"
