import pytest

from tests.conformance.tripo.api import BALANCE, TASK_LIST, TASKS, TEXT, USAGE, Tripo, envelope
from tests.conformance.tripo.orders import text
from tests.conformance.tripo.refusal import is_error
from tests.conformance.wire import fetch, send

NOBODYS = "0f1f6f8e-2f0c-4c7d-9f63-5b7c2f1f3a10"
BAD_KEY = (2, 1000, 1001, 1002)  # the pages disagree, so the status decides
UNKNOWN = ("/v3/nothing", "/v3/generation/sketch-to-model", "/v2/nothing")


@pytest.mark.parametrize("path", [BALANCE, USAGE, f"{TASKS}/{NOBODYS}"])
def test_reading_needs_a_key(tripo: Tripo, path: str) -> None:
    """Without a key every read is 401."""
    assert is_error(fetch(tripo.simulator.tripo.url + path), 401, *BAD_KEY)


@pytest.mark.parametrize("value", ["Bearer tsk_wrong", "tsk_wrong", "Basic dHNrXw=="])
def test_a_wrong_key_is_refused(tripo: Tripo, value: str) -> None:
    """Only `Authorization: Bearer <a key of the account>` opens the API."""
    answer = tripo.http.get(BALANCE, headers={"Authorization": value})
    assert is_error(answer, 401, *BAD_KEY)


def test_a_create_without_a_key_books_nothing(tripo: Tripo) -> None:
    """A bad key is noticed before anything is frozen."""
    answer = send(tripo.simulator.tripo.url + TEXT, text())
    assert is_error(answer, 401, *BAD_KEY)
    assert not tripo.simulator.book("tripo").tasks


def test_keys_look_like_keys(tripo: Tripo) -> None:
    """Keys begin with tsk_."""
    assert tripo.simulator.tripo.key.startswith("tsk_")
    assert tripo.simulator.tripo.add_key().startswith("tsk_")


def test_a_revoked_key_is_a_wrong_key(tripo: Tripo) -> None:
    """A key that was revoked answers 401; the account's other keys go on."""
    second = Tripo(tripo.simulator, tripo.simulator.tripo.add_key())
    with second.http:
        assert second.balance() == tripo.balance()
        tripo.simulator.tripo.revoke_key(second.key)
        assert is_error(second.http.get(BALANCE), 401, *BAD_KEY)
    assert tripo.balance()


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_route_is_4001(tripo: Tripo, path: str) -> None:
    """A path that does not exist is 404 with code 4001."""
    assert is_error(tripo.http.get(path), 404, 4001)
    assert is_error(tripo.http.post(path, json={}), 404, 4001)


def test_the_old_api_is_switched_off(tripo: Tripo) -> None:
    """v2 creates nothing any more."""
    answer = tripo.http.post("/v2/openapi/task", json={"type": "text_to_model", "prompt": "a"})
    assert answer.is_client_error
    assert not tripo.simulator.book("tripo").tasks


@pytest.mark.parametrize("path", [BALANCE, "/v3/nothing"])
def test_a_request_id_comes_back(tripo: Tripo, path: str) -> None:
    """X-Request-ID is echoed, and X-Tripo-Trace-ID is there, on success and on error."""
    answer = tripo.http.get(path, headers={"X-Request-ID": "mine-7"})
    assert answer.headers["X-Request-ID"] == "mine-7"
    assert answer.headers["X-Tripo-Trace-ID"]


def test_an_answer_has_a_request_id_of_its_own(tripo: Tripo) -> None:
    """Who sends no X-Request-ID gets one."""
    first, second = (tripo.http.get(BALANCE).headers["X-Request-ID"] for _ in range(2))
    assert first != second


def test_an_error_names_its_request(tripo: Tripo) -> None:
    """An error's body carries the request's id."""
    answer = tripo.http.get("/v3/nothing", headers={"X-Request-ID": "mine-8"})
    assert answer.json()["request_id"] == "mine-8"


@pytest.mark.parametrize("path", [BALANCE, USAGE])
def test_a_success_is_an_envelope(tripo: Tripo, path: str) -> None:
    """A success is {code: 0, status: success, data}."""
    assert set(envelope(tripo.http.get(path))) >= {"code", "status", "data"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"prompt"', b"\xff\xfe"])
@pytest.mark.parametrize("path", [TEXT, TASK_LIST])
def test_a_body_is_a_json_object(tripo: Tripo, path: str, content: bytes) -> None:
    """Anything but a JSON object is 400, malformed (1003) or invalid (1004)."""
    answer = tripo.http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert is_error(answer, 400, 1003, 1004)
