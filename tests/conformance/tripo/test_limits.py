from collections.abc import Callable

import httpx
import pytest

from tests.conformance.tripo.api import CONVERT, RIG, TEXT, TEXTURE, Json, Tripo
from tests.conformance.tripo.orders import convert, low_poly, made, rig, text, texture
from tests.conformance.tripo.refusal import is_error

GENERATIONS_A_MINUTE = 200
Pool = tuple[str, Callable[[Tripo], Json], int]
POOLS: dict[str, Pool] = {
    "H series": (TEXT, lambda _: text(), 10),
    "P series": (TEXT, lambda _: low_poly(), 5),
    "animation": (RIG, lambda tripo: rig(made(tripo)), 10),
    "processing": (CONVERT, lambda tripo: convert(made(tripo)), 5),
}


def full(answer: httpx.Response) -> bool:
    assert is_error(answer, 429, 2000)
    return int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())
def test_a_pool_has_its_size(tripo: Tripo, pool: Pool) -> None:
    """Each pool takes its number of tasks; one more is 429/2000 with Retry-After."""
    path, order, size = pool
    body = order(tripo)
    for _ in range(size):
        tripo.created(path, body)
    assert full(tripo.create(path, body))


def test_pools_do_not_touch_each_other(tripo: Tripo) -> None:
    """While one pool is full the others take tasks."""
    source = made(tripo)
    for _ in range(10):
        tripo.created(TEXT, text())
    assert full(tripo.create(TEXT, text()))
    assert tripo.created(TEXT, low_poly())
    assert tripo.created(CONVERT, convert(source))
    assert tripo.created(RIG, rig(source))


def test_texture_and_convert_share_a_pool(tripo: Tripo) -> None:
    """Model processing is one pool of five."""
    source = made(tripo)
    for _ in range(3):
        tripo.created(CONVERT, convert(source))
    for _ in range(2):
        tripo.created(TEXTURE, texture(source))
    assert full(tripo.create(CONVERT, convert(source)))


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_ended_task_gives_its_place_back(tripo: Tripo, status: str) -> None:
    """A place is free again as soon as a task ends."""
    ids = [tripo.created(TEXT, text()) for _ in range(10)]
    assert full(tripo.create(TEXT, text()))
    tripo.simulator.settle(ids[0], status)
    assert tripo.created(TEXT, text())


def test_keys_share_the_pools(tripo: Tripo) -> None:
    """Pools are the account's, whichever key asks."""
    for _ in range(10):
        tripo.created(TEXT, text())
    second = Tripo(tripo.simulator, tripo.simulator.tripo.add_key())
    with second.http:
        assert full(second.create(TEXT, text()))


def test_a_full_pool_costs_nothing(tripo: Tripo) -> None:
    """429/2000 freezes nothing and books nothing."""
    for _ in range(10):
        tripo.created(TEXT, text())
    frozen = tripo.balance()["frozen"]
    assert full(tripo.create(TEXT, text()))
    assert tripo.balance()["frozen"] == frozen
    assert len(tripo.simulator.book("tripo").tasks) == 10


def test_looking_uses_nothing_up(tripo: Tripo) -> None:
    """GETs do not count towards the rate of creates."""
    task_id = tripo.created(TEXT, text())
    for _ in range(GENERATIONS_A_MINUTE + 20):
        assert tripo.get(task_id).status_code == 200
    assert tripo.created(TEXT, text())


def test_200_generations_a_minute(tripo: Tripo) -> None:
    """About 200 creates a minute; then 429/1007, until the minute is over."""
    for pool in tripo.simulator.tripo.account.pools:
        tripo.simulator.tripo.account.pools[pool] = 1000
    answers = [tripo.create(TEXT, text()) for _ in range(GENERATIONS_A_MINUTE + 20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 15 <= len(refused) <= 25
    assert is_error(answers[-1], 429, 1007)
    tripo.simulator.clock.advance(61)
    assert tripo.created(TEXT, text())


def test_answers_tell_the_rate(tripo: Tripo) -> None:
    """X-RateLimit-Limit, -Remaining and -Reset (unix seconds) come with a create."""
    first, second = (tripo.create(TEXT, text()).headers for _ in range(2))
    assert int(first["X-RateLimit-Limit"]) == GENERATIONS_A_MINUTE
    assert int(second["X-RateLimit-Remaining"]) == int(first["X-RateLimit-Remaining"]) - 1
    left = int(first["X-RateLimit-Reset"]) - tripo.simulator.clock.now().timestamp()
    assert -1 <= left <= 61
