"""Webhooks are believed only when they are genuine, and then only as hints."""

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.providers.meshy import Meshy
from worker.providers.outcome import Forged, Hint, Ignored
from worker.providers.protocol import Secrets
from worker.providers.tripo import Tripo

SECRET = "whsec_test_secret"
AT = 1790000000
VECTOR_BODY = b'{"id":"task_1:task.completed","type":"task.completed"}'
VECTOR = "97e3eb4a03cc537ed0fe928fad0b0ffb8bff689f68ebcd104a098ded42a6fb50"
TASK_BODY = b'{"id":"task_1:task.completed","data":{"task_id":"task_1","status":"success"}}'


def tripo(header: str, body: bytes, *secrets: str, now: float = AT) -> Hint | Forged | Ignored:
    headers = {"tripo-webhook-signature": header}
    return Tripo().verify(headers, body, Secrets(clear=secrets), now)


def signed(body: bytes, secret: str = SECRET, at: int = AT) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256)
    return f"t={at},v1={digest.hexdigest()}"


def test_known_signature() -> None:
    """The published scheme: the whole secret is the key, date and body are signed."""
    assert tripo(f"t={AT},v1={VECTOR}", VECTOR_BODY, SECRET) == Ignored()


def test_genuine_event_is_a_hint() -> None:
    """It names the task to look at."""
    assert tripo(signed(TASK_BODY), TASK_BODY, SECRET) == Hint("task_1")


def test_rotation() -> None:
    """Several signatures and several secrets: one that fits is enough."""
    header = f"t={AT},v1={'0' * 64},v1={signed(TASK_BODY).partition('v1=')[2]}"
    assert tripo(header, TASK_BODY, "whsec_new", SECRET) == Hint("task_1")


@pytest.mark.parametrize("away", [-301, 301])
def test_old_or_future_signature(away: int) -> None:
    """Five minutes are tolerated: an old delivery can't be played again."""
    assert isinstance(tripo(signed(TASK_BODY), TASK_BODY, SECRET, now=AT + away), Forged)
    near = AT + away - (1 if away > 0 else -1)
    assert tripo(signed(TASK_BODY), TASK_BODY, SECRET, now=near) == Hint("task_1")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        "t=x,v1=y",
        f"t={AT}",
        f"v1={VECTOR}",
        "t=²,v1=a",
        f"t={'9' * 5000},v1=a",
        "t=-1,v1=é",
    ],
)
def test_malformed_signature(header: str) -> None:
    """A reason, never an exception."""
    assert isinstance(tripo(header, VECTOR_BODY, SECRET), Forged)


def test_changed_body() -> None:
    """One letter more is another body."""
    assert isinstance(tripo(signed(TASK_BODY), TASK_BODY + b" ", SECRET), Forged)


def test_balance_low_is_ignored() -> None:
    """Genuine, but about no task."""
    body = b'{"id":"b","type":"balance.low","data":{"balance":3}}'
    assert tripo(signed(body), body, SECRET) == Ignored()


def test_genuine_nonsense() -> None:
    """A body that is no JSON names no task."""
    assert isinstance(tripo(signed(b"<html>"), b"<html>", SECRET), Forged)


def test_without_a_secret_nothing_is_genuine() -> None:
    """A hash of the secret can't verify a signature."""
    assert isinstance(tripo(signed(TASK_BODY), TASK_BODY), Forged)
    assert isinstance(tripo(signed(TASK_BODY, ""), TASK_BODY, ""), Forged)
    headers = {"x-meshy-api-webhook-secret-key": ""}
    assert isinstance(Meshy().verify(headers, b"{}", Secrets(clear=("",)), AT), Forged)


@pytest.mark.parametrize("name", ["x-meshy-api-webhook-secret-key", "x-meshy-webhook-secret"])
def test_shared_secret(name: str) -> None:
    """Meshy sends the secret itself; a hash is enough to know it."""
    body = b'{"id":"018a210d-8ba4","status":"IN_PROGRESS"}'
    headers = {name: "the-secret"}
    hashed = Secrets(hashes=frozenset({sha256(b"the-secret").hexdigest()}))
    for secrets in (Secrets(clear=("old", "the-secret")), hashed):
        assert Meshy().verify(headers, body, secrets, AT) == Hint("018a210d-8ba4")
    for secrets in (Secrets(clear=("other",)), Secrets()):
        assert isinstance(Meshy().verify(headers, body, secrets, AT), Forged)


def test_missing_secret_header() -> None:
    """Anybody can post to an address."""
    verdict = Meshy().verify({}, b"{}", Secrets(clear=("s",)), AT)
    assert verdict == Forged("the header x-meshy-api-webhook-secret-key is missing")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"id": 7}', b'{"id": "a/b"}'])
def test_genuine_without_a_task(body: bytes) -> None:
    """It is answered well and does nothing."""
    headers = {"x-meshy-api-webhook-secret-key": "s"}
    assert Meshy().verify(headers, body, Secrets(clear=("s",)), AT) == Ignored()


@given(header=st.text(), body=st.binary(), secret=st.text())
def test_anything_is_answered(header: str, body: bytes, secret: str) -> None:
    """Whatever arrives, the answer is a value, and no hint."""
    secrets = Secrets(clear=(secret, "kept-secret"), hashes=frozenset({"x"}))
    for verdict in (
        Tripo().verify({"tripo-webhook-signature": header}, body, secrets, AT),
        Meshy().verify({"x-meshy-webhook-secret": header + "-"}, body, Secrets(("s3cret",)), AT),
    ):
        assert isinstance(verdict, Forged)
