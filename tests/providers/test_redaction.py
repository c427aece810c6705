"""No secret leaves in a text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.providers.call import Answer
from worker.providers.failure import Kind
from worker.providers.outcome import Link, Output, Succeeded
from worker.providers.protocol import Secrets
from worker.providers.redaction import (
    LONGEST_DETAIL,
    LONGEST_TEXT,
    clean_failure,
    redacted,
    redacted_json,
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key msy_AbC123-x refused", "key … refused"),
        ("tsk_0123456789.", "…"),
        ("r8_secret, whsec_a/b+c=", "…, …"),
        ("Authorization: Bearer abcdefghij", "Authorization: Bearer …"),
        ("at https://a.b/c/d.glb?Expires=1&Sig=x now", "at https://a.b/c/d.glb?… now"),
        ("https://user:word@a.b/c", "https://a.b/c"),
        ("image data:image/png;base64,AAAA== is bad", "image data:image/png,… is bad"),
        ("a\x00b\ud800c", "a b c"),
        ("plain text", "plain text"),
    ],
)
def test_text(text: str, clean: str) -> None:
    """Keys, signatures, logins and pictures are cut out; the rest stays."""
    assert redacted(text) == clean


@given(
    before=st.text(alphabet="ab /.:?&=", max_size=600),
    after=st.text(alphabet="ab /.:?&=", max_size=600),
    size=st.integers(0, 900),
)
def test_a_key_is_found_wherever_it_stands(before: str, after: str, size: int) -> None:
    """Also where the text is cut."""
    text = f"{before} {'x' * size} msy_AbCdEfGh123456 {after}"
    assert "AbCdEfGh" not in clean_failure(Kind.UNAVAILABLE, text).detail


def test_failure_is_small() -> None:
    """It fits a row, whatever the provider said."""
    raw = {f"k{n}": ["x" * 9000] * 20 for n in range(20)}
    failure = clean_failure(Kind.UNAVAILABLE, "x" * 100_000, raw=raw)
    assert len(failure.detail) == LONGEST_DETAIL
    assert len(failure.raw) <= LONGEST_TEXT


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.recursive(
        SCALARS | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
        max_leaves=10,
    )
)
def test_any_json_stays_json_that_postgres_takes(value: object) -> None:
    """No NUL, no NaN."""
    clean = json.dumps(redacted_json(value), allow_nan=False)
    assert "\\u0000" not in clean


def test_a_value_that_is_printed_tells_no_secret() -> None:
    """A log line or a traceback may hold any of them."""
    link = Link("model", "glb", "https://a.b/c.glb?Signature=secret")
    answer = Answer(200, {"location": "https://a.b/?secret"}, b'{"file_token": "secret"}')
    for value in (Succeeded(Output(links=(link,))), answer, Secrets(clear=("whsec_secret",))):
        assert "secret" not in repr(value)
