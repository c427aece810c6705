"""Tripo's webhooks: signed and dated."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

import orjson

from worker.providers.fields import entries, task_id
from worker.providers.outcome import Forged, Hint, Ignored
from worker.providers.protocol import Secrets

HEADER = "tripo-webhook-signature"
TOLERANCE_SECONDS = 300
LONGEST_DATE = 20
MOST_SIGNATURES = 20


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Secrets, now: float
) -> Hint | Forged | Ignored:
    date, signatures = _parts(headers.get(HEADER, ""))
    if not secrets.clear:
        return Forged("no webhook secret of TRIPO is known in clear here: its hash can't sign")
    if not date or not signatures:
        return Forged(f"the header {HEADER} is missing or has not the form t=…,v1=…")
    if abs(now - int(date)) > TOLERANCE_SECONDS:
        return Forged(f"the signature is {abs(now - int(date)):.0f} s away from our clock")
    if not _is_signed(date, body, signatures, secrets.clear):
        return Forged("no signature fits one of our secrets")
    return _hint(body)


def _parts(header: str) -> tuple[str, Sequence[str]]:
    """While a secret is rotated there are several v1."""
    pairs = [part.strip().partition("=") for part in header.split(",")[:MOST_SIGNATURES]]
    dates = [value for name, _, value in pairs if name == "t" and _is_date(value)]
    return (dates[0] if dates else ""), [value for name, _, value in pairs if name == "v1"]


def _is_date(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= LONGEST_DATE


def _is_signed(date: str, body: bytes, signatures: Sequence[str], secrets: Sequence[str]) -> bool:
    """Looks at all of them: how long it takes must not tell which one was near."""
    same = [
        hmac.compare_digest(_signed(secret, date, body), given.lower().encode("utf-8", "replace"))
        for secret in secrets
        if secret
        for given in signatures
    ]
    return any(same)


def _signed(secret: str, date: str, body: bytes) -> bytes:
    """The key is the whole secret, its `whsec_` too."""
    return hmac.new(secret.encode(), date.encode() + b"." + body, sha256).hexdigest().encode()


def _hint(body: bytes) -> Hint | Forged | Ignored:
    try:
        told = entries(orjson.loads(body))
    except orjson.JSONDecodeError:
        return Forged("the body is not JSON")
    found = task_id(entries(told.get("data")).get("task_id"))
    return Hint(found) if found else Ignored()
