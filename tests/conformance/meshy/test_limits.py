import pytest

from tests.conformance.meshy.api import BALANCE, Meshy
from tests.conformance.meshy.orders import built_on, convert, image, preview, previewed
from tests.conformance.meshy.refusal import costs_nothing, is_error
from worker.simulator import Simulator

TIERS = {"Pro": 10, "Premium": 30, "Ultra": 100, "Studio": 20}
PER_SECOND = 20


@pytest.fixture
def limited(meshy: Meshy) -> Meshy:
    meshy.simulator.meshy.account.requests_per_second = PER_SECOND
    meshy.simulator.clock.advance(2)
    return meshy


def full(meshy: Meshy) -> bool:
    answer = meshy.create("image-to-3d", image())
    assert is_error(answer, 429)
    message = answer.json()["message"]
    return "NoMoreConcurrentTasks" in message or "NoMorePendingTasks" in message


def test_an_account_begins_as_a_documented_tier() -> None:
    """Without a word the account has 20 requests a second and a tier's number of tasks."""
    with Simulator(seed=1, speed=0.0) as fresh:
        assert fresh.meshy.account.requests_per_second == PER_SECOND
        assert fresh.meshy.account.queued_tasks in TIERS.values()
        assert not fresh.meshy.account.free_plan


def test_the_21st_request_of_a_second_is_too_many(limited: Meshy) -> None:
    """20 requests a second are answered, the 21st is 429 RateLimitExceeded, the next second not."""
    assert all(limited.http.get(BALANCE).status_code == 200 for _ in range(PER_SECOND))
    answer = limited.http.get(BALANCE)
    assert is_error(answer, 429)
    assert "RateLimitExceeded" in answer.json()["message"]
    limited.simulator.clock.advance(1)
    assert limited.http.get(BALANCE).status_code == 200


def test_retry_after_is_a_number_of_seconds(limited: Meshy) -> None:
    """Whether a 429 has Retry-After is unconfirmed; if it has, it is whole seconds."""
    answers = [limited.http.get(BALANCE) for _ in range(PER_SECOND + 1)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers.get("retry-after", "1").isdigit()


def test_the_rate_counts_every_kind_of_request(limited: Meshy) -> None:
    """Looks and creates count together, over all keys of the account."""
    second = Meshy(limited.simulator, limited.simulator.meshy.add_key())
    with second.http:
        task_id = limited.created("text-to-3d", preview())
        for _ in range(9):
            assert limited.get("text-to-3d", task_id).status_code == 200
            assert second.http.get(BALANCE).status_code == 200
        assert second.page("text-to-3d")
        assert costs_nothing_more(limited)
        assert second.http.get(BALANCE).status_code == 429


def costs_nothing_more(meshy: Meshy) -> bool:
    booked = len(meshy.simulator.book("meshy").tasks)
    assert meshy.create("text-to-3d", preview()).status_code == 429
    return len(meshy.simulator.book("meshy").tasks) == booked


def test_the_book_tells_the_rate(limited: Meshy) -> None:
    """The provider's book knows the most requests that came within a second."""
    for _ in range(7):
        limited.http.get(BALANCE)
    limited.simulator.clock.advance(5)
    limited.http.get(BALANCE)
    book = limited.simulator.book("meshy")
    assert book.peak_requests_per_second == 7
    assert [request.status for request in book.requests] == [200] * 8


@pytest.mark.parametrize("tier", TIERS)
def test_the_queue_has_the_length_of_the_tier(meshy: Meshy, tier: str) -> None:
    """As many tasks as the tier has places are taken; one more is 429 of the other kind."""
    meshy.simulator.meshy.account.queued_tasks = TIERS[tier]
    for _ in range(TIERS[tier]):
        meshy.created("text-to-3d", preview())
    assert full(meshy)
    assert len(meshy.simulator.book("meshy").tasks) == TIERS[tier]
    assert meshy.simulator.book("meshy").peak_concurrent == TIERS[tier]


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_ended_task_gives_its_place_back(meshy: Meshy, status: str) -> None:
    """A place is free again as soon as a task ends."""
    meshy.simulator.meshy.account.queued_tasks = 2
    first = meshy.created("text-to-3d", preview())
    meshy.created("text-to-3d", preview())
    assert full(meshy)
    meshy.simulator.settle(first, status)
    assert meshy.created("image-to-3d", image())


def test_a_running_task_keeps_its_place(meshy: Meshy) -> None:
    """Every task that has not ended counts, whether it waits or runs."""
    meshy.simulator.meshy.account.queued_tasks = 1
    meshy.start("image-to-3d", image())
    assert full(meshy)


def test_every_kind_of_task_takes_a_place(meshy: Meshy) -> None:
    """Generations and post-processing share the queue."""
    made = previewed(meshy)
    meshy.simulator.meshy.account.queued_tasks = 2
    meshy.created("remesh", built_on(made))
    meshy.created("convert", convert(made))
    assert full(meshy)


def test_keys_share_the_queue(meshy: Meshy) -> None:
    """The queue is the account's, whichever key asks."""
    meshy.simulator.meshy.account.queued_tasks = 1
    meshy.created("image-to-3d", image())
    second = Meshy(meshy.simulator, meshy.simulator.meshy.add_key())
    with second.http:
        assert full(second)


def test_looking_takes_no_place(meshy: Meshy) -> None:
    """A full queue refuses creates alone."""
    meshy.simulator.meshy.account.queued_tasks = 1
    task_id = meshy.created("image-to-3d", image())
    assert full(meshy)
    assert meshy.task("image-to-3d", task_id)
    assert meshy.page("image-to-3d")
    assert meshy.balance()


def test_a_refusal_for_want_of_a_place_is_free(meshy: Meshy) -> None:
    """429 of either kind charges nothing and books nothing."""
    meshy.simulator.meshy.account.queued_tasks = 0
    assert costs_nothing(meshy, meshy.create("image-to-3d", image()), 429)
    assert meshy.balance() == 1_000_000
