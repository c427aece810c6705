"""What users read."""

import re

import pytest

from worker.providers.failure import NEXT, Failure, Kind
from worker.providers.meshy.failures import TASK_CODES
from worker.providers.redaction import clean_failure
from worker.providers.texts import CODES, KINDS, explain

JARGON = re.compile(r"meshy|tripo|http|api|null|task|\bid\b|credit", re.IGNORECASE)


def test_every_kind_has_a_text_and_a_consequence() -> None:
    """The vocabulary is closed, and complete in both places."""
    assert set(Kind) == KINDS.keys() == NEXT.keys()


@pytest.mark.parametrize("text", [*KINDS.values(), *CODES.values()])
def test_texts_are_for_people(text: str) -> None:
    """No provider, no jargon, whole sentences."""
    assert not JARGON.search(text)
    assert text.endswith(".")


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_of_the_provider_is_shown(kind: Kind) -> None:
    """The provider's own words are for the operator."""
    assert "secret words" not in explain(Failure(kind, "secret words", "500/whatever"))


def test_code_that_says_more() -> None:
    """Where the provider is precise, so is the text."""
    failure = clean_failure(Kind.TASK_FAILED, "x", code="invalid_input/image_too_complex")
    assert explain(failure) == CODES["image_too_complex"]
    assert explain(Failure(Kind.UNAVAILABLE, "x", "500/2003")) == KINDS[Kind.UNAVAILABLE]


def test_codes_of_tasks_have_texts_where_a_user_can_do_something() -> None:
    """A failure with a code of its own is not told in general terms, but for a few."""
    general = {"invalid_input", "timeout", "moderation_blocked"}
    assert TASK_CODES.keys() - general <= CODES.keys()
