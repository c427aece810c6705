from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conformance.meshy.api import PATHS, Json, Meshy
from tests.conformance.meshy.orders import (
    OPERATIONS,
    SMALL,
    Operation,
    built_on,
    preview,
    previewed,
    refine,
)
from tests.conformance.meshy.refusal import is_error
from tests.conformance.wire import fetch
from worker.simulator import Fault, Rule

THREE_DAYS = 3 * 24 * 3600
GONE = {403, 404, 410}  # which of them a dead address answers with is unconfirmed


def finished(meshy: Meshy) -> Json:
    return meshy.run("text-to-3d", preview(**SMALL, target_formats=["glb"]))


def test_addresses_are_signed(meshy: Meshy) -> None:
    """A model's address carries Expires, a time to come."""
    query = parse_qs(urlsplit(finished(meshy)["model_urls"]["glb"]).query)
    assert int(query["Expires"][0]) > meshy.simulator.clock.now().timestamp()


def test_a_download_needs_no_key(meshy: Meshy) -> None:
    """The signed address alone opens the file."""
    answer = fetch(finished(meshy)["model_urls"]["glb"])
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])


def test_a_changed_signature_opens_nothing(meshy: Meshy) -> None:
    """Who moves Expires to a later time has no valid address."""
    url = finished(meshy)["model_urls"]["glb"]
    expires = parse_qs(urlsplit(url).query)["Expires"][0]
    forged = url.replace(f"Expires={expires}", f"Expires={int(expires) + 999_999}")
    assert meshy.download(forged).status_code in GONE
    assert meshy.download(url.partition("?")[0]).status_code in GONE


def test_an_address_dies_at_its_time(meshy: Meshy) -> None:
    """After Expires the address opens nothing; a GET inside the window gives one that does."""
    task = finished(meshy)
    url = task["model_urls"]["glb"]
    expires = int(parse_qs(urlsplit(url).query)["Expires"][0])
    left = expires - meshy.simulator.clock.now().timestamp()
    meshy.simulator.clock.advance(left + 1)
    assert meshy.download(url).status_code in GONE
    answer = meshy.get("text-to-3d", task["id"])
    if answer.status_code == 200:
        assert meshy.download(answer.json()["model_urls"]["glb"]).status_code == 200


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_task_is_kept_three_days(meshy: Meshy, operation: Operation) -> None:
    """A task is there until three days after its end, then 404 and no longer listed."""
    task_id = meshy.settled(operation.resource, operation.body(meshy))
    meshy.simulator.clock.advance(THREE_DAYS - 60)
    assert meshy.task(operation.resource, task_id)["status"] == "SUCCEEDED"
    meshy.simulator.clock.advance(120)
    assert is_error(meshy.get(operation.resource, task_id), 404)
    listed = meshy.http.get(PATHS[operation.resource])
    assert task_id not in listed.text


def test_files_are_kept_three_days(meshy: Meshy) -> None:
    """After three days no address opens the file."""
    url = finished(meshy)["model_urls"]["glb"]
    meshy.simulator.clock.advance(THREE_DAYS + 60)
    assert meshy.download(url).status_code in GONE


def test_chains_break_after_three_days(meshy: Meshy) -> None:
    """What is gone can't be built on: refine is 404, remesh 400 or 404."""
    made = previewed(meshy)
    meshy.simulator.clock.advance(THREE_DAYS + 60)
    assert is_error(meshy.create("text-to-3d", refine(made)), 404)
    assert is_error(meshy.create("remesh", built_on(made)), 400, 404)


def test_a_waiting_task_does_not_age(meshy: Meshy) -> None:
    """The three days count from the end of a task, not from its beginning."""
    meshy.simulator.script(Rule(fault=Fault.STUCK_PENDING, provider="meshy"))
    task_id = meshy.created("text-to-3d", preview())
    meshy.simulator.clock.advance(THREE_DAYS + 60)
    assert meshy.task("text-to-3d", task_id)["status"] == "PENDING"


def test_an_address_may_expire_early(meshy: Meshy) -> None:
    """URL_EXPIRED: the address is refused once; asked again, the task gives one that opens."""
    meshy.simulator.script(Rule(fault=Fault.URL_EXPIRED, provider="meshy", times=1))
    task = finished(meshy)
    assert meshy.download(task["model_urls"]["glb"]).status_code in GONE
    fresh = meshy.task("text-to-3d", task["id"])["model_urls"]["glb"]
    assert meshy.download(fresh).status_code == 200
