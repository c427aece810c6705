import pytest

from tests.conformance.meshy.api import BALANCE, PATHS, Meshy
from tests.conformance.meshy.orders import preview
from tests.conformance.meshy.refusal import is_error
from tests.conformance.wire import fetch, send

NOWHERE = "018a210d-8ba4-705c-b111-1f1776f7f578"
GONE = (
    "/openapi/v1/text-to-texture",
    "/openapi/v2/image-to-3d",
    "/openapi/v1/no-such-thing",
    "/v2/text-to-3d",
)


@pytest.mark.parametrize("path", [*PATHS.values(), BALANCE])
def test_a_known_route_needs_a_key(meshy: Meshy, path: str) -> None:
    """A known route without a key answers 401."""
    answer = fetch(meshy.simulator.meshy.url + path)
    assert is_error(answer, 401)


@pytest.mark.parametrize("value", ["Bearer msy_wrong", "msy_wrong", "Basic bXN5Og==", "Bearer"])
def test_a_wrong_key_is_refused(meshy: Meshy, value: str) -> None:
    """Only `Authorization: Bearer <a key of the account>` opens the API."""
    answer = meshy.http.get(BALANCE, headers={"Authorization": value})
    assert is_error(answer, 401)


def test_a_create_without_a_key_books_nothing(meshy: Meshy) -> None:
    """A bad key is noticed before anything is charged."""
    answer = send(meshy.simulator.meshy.url + PATHS["text-to-3d"], preview())
    assert is_error(answer, 401)
    assert not meshy.simulator.book("meshy").tasks


@pytest.mark.parametrize("path", GONE)
def test_an_unknown_route_is_404(meshy: Meshy, path: str) -> None:
    """Paths that were taken away, or never were, answer 404 with a key."""
    assert is_error(meshy.http.get(path), 404)
    assert is_error(meshy.http.post(path, json={}), 404)


def test_an_unknown_route_is_404_without_a_key_too(meshy: Meshy) -> None:
    """Whether a route exists is looked at before the key."""
    assert fetch(meshy.simulator.meshy.url + GONE[0]).status_code == 404


def test_keys_of_one_account_share_everything(meshy: Meshy) -> None:
    """Several keys may open one account: tasks and balance are the account's."""
    second = Meshy(meshy.simulator, meshy.simulator.meshy.add_key())
    task_id = meshy.created("text-to-3d", preview())
    with second.http:
        assert second.task("text-to-3d", task_id)["id"] == task_id
        assert second.balance() == meshy.balance()


def test_a_revoked_key_is_a_wrong_key(meshy: Meshy) -> None:
    """A key that was revoked answers 401; the account's other keys go on."""
    key = meshy.simulator.meshy.add_key()
    second = Meshy(meshy.simulator, key)
    with second.http:
        assert second.http.get(BALANCE).status_code == 200
        meshy.simulator.meshy.revoke_key(key)
        assert is_error(second.http.get(BALANCE), 401)
    assert meshy.http.get(BALANCE).status_code == 200


def test_keys_look_like_keys(meshy: Meshy) -> None:
    """Keys begin with msy_."""
    assert meshy.simulator.meshy.key.startswith("msy_")
    assert meshy.simulator.meshy.add_key().startswith("msy_")


def test_the_balance_is_one_number(meshy: Meshy) -> None:
    """GET balance answers 200 {"balance": n}."""
    meshy.simulator.meshy.account.credits = 1000
    answer = meshy.http.get(BALANCE)
    assert (answer.status_code, answer.json()) == (200, {"balance": 1000})


def test_answers_name_the_version_of_the_api(meshy: Meshy) -> None:
    """Answers carry x-api-version."""
    assert meshy.http.get(BALANCE).headers["x-api-version"]


def test_answers_are_json(meshy: Meshy) -> None:
    """Successes and errors alike are JSON."""
    for path in (BALANCE, GONE[0]):
        assert meshy.http.get(path).headers["content-type"].startswith("application/json")


def test_a_browser_is_refused(meshy: Meshy) -> None:
    """Another origin is shut out, by 403 or for want of a CORS header (both tolerated)."""
    answer = meshy.http.get(BALANCE, headers={"Origin": "https://game.example"})
    assert answer.status_code == 403 or "access-control-allow-origin" not in answer.headers


def test_the_old_test_key_costs_nothing(meshy: Meshy) -> None:
    """The dummy key of older documents is unknown (401) or hands out a free, finished sample."""
    dummy = Meshy(meshy.simulator, "msy_dummy_api_key_for_test_mode_12345678")
    before = meshy.balance()
    with dummy.http:
        answer = dummy.create("text-to-3d", preview())
        if answer.status_code != 401:
            sample = dummy.task("text-to-3d", answer.json()["result"])
            assert sample["status"] == "SUCCEEDED"
    assert meshy.balance() == before


@pytest.mark.parametrize("resource", PATHS)
def test_an_unknown_id_is_404(meshy: Meshy, resource: str) -> None:
    """GET and DELETE of an id that nobody has answer 404."""
    assert is_error(meshy.get(resource, NOWHERE), 404)
    assert is_error(meshy.delete(resource, NOWHERE), 404)
