"""Requests stay under an account's rate."""

import asyncio

import pytest

from tests.providers.waits import since
from worker.providers.pace import Limit, Pace


async def test_no_window_holds_more_than_the_limit() -> None:
    """17 requests at once, five in a window: the last one needs three windows more."""
    pace = Pace(Limit(5, 0.05))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(5)))
    await asyncio.gather(*(pace.turn() for _ in range(12)))
    assert since(began) >= 0.15


async def test_what_matters_goes_first() -> None:
    """A paid request does not queue behind those that only watch."""
    pace = Pace(Limit(1, 0.01))
    order: list[str] = []

    async def take_as(name: str, *, urgent: bool) -> None:
        await pace.turn(urgent=urgent)
        order.append(name)

    await pace.turn()
    watching = [asyncio.create_task(take_as("watch", urgent=False)) for _ in range(5)]
    await asyncio.sleep(0)  # they stand in the queue now
    await take_as("paid", urgent=True)
    assert order == ["paid"]
    await asyncio.gather(*watching)


async def test_cancelled_waiter_takes_no_turn() -> None:
    """Who leaves the queue does not hold it up."""
    pace = Pace(Limit(1, 0.01))
    await pace.turn()
    leaving = asyncio.create_task(pace.turn())
    staying = asyncio.create_task(pace.turn())
    await asyncio.sleep(0)  # both stand in the queue now
    leaving.cancel()
    await staying
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_pause_holds_everybody() -> None:
    """The provider said when to come back."""
    pace = Pace(Limit(10, 1))
    loop = asyncio.get_running_loop()
    began = loop.time()
    pace.pause(0.05)
    await pace.turn()
    assert since(began) >= 0.05
