"""Any JSON at all in any answer, without a wire: every reading of it ends in a value."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.providers import PROVIDERS
from worker.providers.call import Answer, Call, NoAnswer, Reply, Talk
from worker.providers.failure import Failure
from worker.providers.mapping import Mapping as Mapped
from worker.providers.order import Order, Stage, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Canceled,
    Complete,
    Failed,
    Forged,
    Hint,
    Ignored,
    Listing,
    NotStopped,
    Output,
    Ready,
    Rejected,
    Succeeded,
    Unseen,
    Withdrawn,
    Working,
)
from worker.providers.protocol import Done, Secrets

Result = TypeVar("Result")

TASK = Task("text-to-3d", "018a210d-8ba4-705c-b111-1f1776f7f578")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SAFE_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:~-")
MOST_REQUESTS = 100

# --- what the answers are made of: the providers' own words, in the wrong places

NAMES = (
    *(
        "result",
        "code",
        "status",
        "data",
        "message",
        "suggestion",
        "task_id",
        "id",
        "type",
        "tasks",
    ),
    *("progress", "preceding_tasks", "created_at", "finished_at", "expires_at", "consumed_credits"),
    *("model_urls", "texture_urls", "thumbnail_url", "task_error", "glb", "base_color", "prompt"),
    *("output", "input", "model_url", "rendered_image_url", "credits_consumed", "error_code"),
    *("error_message", "error", "balance", "frozen", "file_token", "riggable", "rig_type", "items"),
    *("texture_prompt", "ai_model", "rigged_character_glb_url", "missed", "format", TASK.id),
)
WORDS = (
    *("SUCCEEDED", "FAILED", "CANCELED", "EXPIRED", "PENDING", "IN_PROGRESS", "success", "failed"),
    *("running", "queued", "banned", "expired", "cancelled", "unknown", "timeout", "a chair"),
    *("text-to-3d-preview", "text_to_model", TASK.id, "../../balance", "a/b", "a\r\nb", "\0"),
    *("https://cdn.example/a.glb?X=1", "http://[::1", "https://", "javascript:1", "file:///etc"),
    *("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", ""),
)
NUMBERS = (0, -1, 1, 99, 100, 101, 2000, 2001, 2008, 2010, 1692771650657, 2**63, -(2**63), 10**15)

leaves: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.sampled_from(WORDS)
    | st.sampled_from(NUMBERS)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8)
    ),
    max_leaves=25,
)
statuses = st.sampled_from([200, 201, 202, 204, 301, 304, 400, 401, 402, 403, 404, 408, 409, 422])
headers = st.dictionaries(
    st.just("retry-after"), st.sampled_from(["1", "nan", "-5", "1e999", "soon", "Fri, 99"])
)


def encoded(document: Any) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)


answers = st.builds(
    Answer,
    st.just(200) | statuses | st.sampled_from([429, 500, 503, 599, 999]),
    headers,
    documents.map(encoded) | st.binary(max_size=40),
)
replies = answers | st.builds(NoAnswer, st.booleans(), st.just("ReadTimeout"))
providers = st.sampled_from(sorted(PROVIDERS)).map(lambda name: PROVIDERS[name]())
any_case = settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

# --- what must hold


def ended(talk: Talk[Result], given_replies: list[Reply]) -> Result:
    """The last reply is repeated for as long as anything is asked: every talk must end."""
    try:
        call = next(talk)
        for number in range(MOST_REQUESTS):
            assert_decent(call)
            call = talk.send(given_replies[min(number, len(given_replies) - 1)])
    except StopIteration as said:
        value: Result = said.value
        return value
    raise AssertionError("it asks for ever")


def assert_decent(call: Call) -> None:
    """A request goes where requests go, whatever was read before."""
    assert call.path.startswith(("/openapi/v", "/v3/"))
    assert not set(call.path) & set("?#\r\n\\ ")
    assert ".." not in call.path


def assert_failure(failure: Failure) -> None:
    """A row can hold it: small, and JSON that Postgres takes."""
    assert "\0" not in failure.detail
    assert "\0" not in failure.code
    assert len(failure.detail) <= 500
    assert len(orjson.dumps(failure.raw)) < 200_000
    assert b"\\u0000" not in orjson.dumps(failure.raw)
    assert failure.retry_after is None or 0 <= failure.retry_after <= 3600


def assert_task(task: Task) -> None:
    assert task.id
    assert set(task.id) <= SAFE_ID
    assert len(task.id) <= 200


def assert_state(state: object) -> None:
    match state:
        case Working(progress, ahead):
            assert 0 <= progress <= 100
            assert ahead is None or 0 <= ahead < 1e15
        case Succeeded(output, credits_):
            assert_output(output)
            assert_credits(credits_)
        case Failed(failure, credits_):
            assert_failure(failure)
            assert_credits(credits_)
        case Canceled(credits_):
            assert_credits(credits_)
        case Unseen(failure):
            assert_failure(failure)
        case _:
            raise AssertionError(state)


def assert_output(output: Output) -> None:
    orjson.dumps(dict(output.facts))
    for link in output.links:
        assert urlsplit(link.url).scheme in ("http", "https")
        assert link.format.isalnum()


def assert_credits(credits_: float | None) -> None:
    """The database takes no other: a stage with such a price could not be finished."""
    assert credits_ is None or 0 <= credits_ < 1e15


def a_step(provider: Mapped) -> Step:
    outcome = ended(provider.prepare(Order(Stage.PREVIEW, prompt="a chair"), ()), [Answer(500)])
    assert isinstance(outcome, Ready)
    return outcome.step


@any_case
@given(providers, answers)
def test_a_created_task_has_an_id_that_can_be_one(provider: Mapped, answer: Answer) -> None:
    """Nothing is taken for an acceptance but an id that can stand in a path."""
    outcome = provider.accepted(a_step(provider), answer)

    if isinstance(outcome, Accepted):
        assert_task(outcome.task)
        assert_credits(outcome.credits)
    else:
        assert outcome is None or isinstance(outcome, Rejected)


@any_case
@given(providers, replies)
def test_any_reply_has_a_meaning(provider: Mapped, reply: Reply) -> None:
    """Each answer, and none, is a failure of the vocabulary and a state of the task."""
    assert_failure(provider.failure(reply))
    assert_state(provider.state(TASK, reply))


@any_case
@given(providers, replies, st.sampled_from(["message", "error", ""]), documents)
def test_any_event_and_any_list_have_a_meaning(
    provider: Mapped, reply: Reply, name: str, data: Any
) -> None:
    """What a stream or a list says of a task is a state, or nothing."""
    if provider.batch:
        states: Mapping[str, object] = provider.batch_states([TASK], reply)
        assert set(states) <= {TASK.id}
        for state in states.values():
            assert_state(state)
    else:
        state = provider.event_state(TASK, name, data)
        assert state is None or assert_state(state) is None  # type: ignore[func-returns-value]


@any_case
@given(providers, st.lists(replies, min_size=1, max_size=4))
def test_every_talk_ends(provider: Mapped, given_replies: list[Reply]) -> None:
    """Searching, cancelling and asking the balance end in a value, after finitely many requests."""
    listing = ended(provider.search(a_step(provider), LONG_AGO), given_replies)
    assert isinstance(listing, Listing | Failure)
    for sighting in listing.sightings if isinstance(listing, Listing) else ():
        assert_task(sighting.task)
    assert isinstance(ended(provider.cancel(TASK), given_replies), Withdrawn | NotStopped)
    assert isinstance(ended(provider.balance(), given_replies), Balance | Failure)


@any_case
@given(providers, st.lists(answers, min_size=1, max_size=3), st.sampled_from(list(Stage)))
def test_whatever_a_stage_made_the_next_request_can_be_prepared(
    provider: Mapped, given_answers: list[Answer], stage: Stage
) -> None:
    """A finished task with odd facts or no links still leads to a request, an end or a failure."""
    order = Order(stage, prompt="a chair", formats=("glb", "fbx"), source=TASK)
    states = [provider.state(TASK, answer) for answer in given_answers]
    done = [Done("rig-check", TASK, state) for state in states if isinstance(state, Succeeded)]

    outcome = ended(provider.prepare(order, done), list(given_answers))

    assert isinstance(outcome, Ready | Complete | Failure)
    if isinstance(outcome, Ready):
        orjson.dumps([dict(outcome.step.body), dict(outcome.step.content)])


@any_case
@given(
    providers,
    st.dictionaries(
        st.sampled_from(
            ["x-meshy-api-webhook-secret-key", "x-meshy-webhook-secret", "tripo-webhook-signature"]
        ),
        st.sampled_from(
            ["s", "t=1,v1=00", "t=,v1=", "t=9" + "9" * 30 + ",v1=a", "t=-1,v1=a", "\xff"]
        )
        | st.text(max_size=30),
    ),
    documents.map(encoded) | st.binary(max_size=40),
    st.sampled_from([Secrets(), Secrets(("s",)), Secrets(("",), frozenset({"ff"}))]),
)
def test_any_webhook_is_a_hint_forged_or_ignored(
    provider: Mapped, given_headers: dict[str, str], body: bytes, secrets: Secrets
) -> None:
    """No header and no body raises, and a hint names only what can be an id."""
    outcome = provider.verify(given_headers, body, secrets, 1790000000.0)

    assert isinstance(outcome, Hint | Forged | Ignored)
    if isinstance(outcome, Hint):
        assert_task(Task("", outcome.task_id))


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("depth", [300, 1000, 100_000])
def test_deep_nesting_is_no_recursion(depth: int, name: str) -> None:
    """However deep, a document is read or refused: a reader may go deeper than a writer."""
    provider = PROVIDERS[name]()
    for body in (b"[" * depth + b"]" * depth, b'{"data":' * depth + b"0" + b"}" * depth):
        assert_state(provider.state(TASK, Answer(200, {}, body)))
        assert_failure(provider.failure(Answer(400, {}, body)))
