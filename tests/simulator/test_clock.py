import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from worker.simulator import Simulator, SimulatorError
from worker.simulator.clock import Clock
from worker.simulator.thread import LoopThread


def standing() -> Clock:
    return Clock(LoopThread(), speed=0)


def test_it_stands_still_at_speed_0() -> None:
    """Only advance() moves a clock of speed 0, and by exactly what it is told."""
    clock = standing()
    before = clock.now()
    assert clock.now() == before
    clock.advance(90)
    assert clock.now() - before == timedelta(seconds=90)


def test_it_runs_at_its_speed() -> None:
    """At speed 1000, real time passes a thousandfold."""
    clock = Clock(LoopThread(), speed=1000)
    begun, real = clock.seconds(), time.monotonic()
    while time.monotonic() - real < 0.02:
        pass
    assert clock.seconds() - begun >= 20


def test_what_is_due_happens_in_order() -> None:
    """A jump fires every timer on its way, each at its own moment, whatever order they came in."""
    clock = standing()
    begun = clock.seconds()
    seen: list[tuple[str, float]] = []

    def ring(name: str) -> Callable[[], None]:
        return lambda: seen.append((name, clock.seconds() - begun))

    for name, after in (("late", 30), ("early", 10), ("never", 61)):
        clock.at(begun + after, ring(name))
    clock.advance(60)
    assert [name for name, _ in seen] == ["early", "late"]
    assert [round(when) for _, when in seen] == [10, 30]


def test_a_timer_may_set_another() -> None:
    """What a timer sets for a moment within the same jump still happens in it."""
    clock = standing()
    begun, seen = clock.seconds(), list[float]()

    def set_another() -> None:
        clock.at(begun + 20, lambda: seen.append(clock.seconds()))

    clock.at(begun + 10, set_another)
    clock.advance(20)
    assert seen == [begun + 20]


def test_a_canceled_timer_stays_silent() -> None:
    """Nothing comes of a timer that was canceled."""
    clock = standing()
    seen: list[str] = []
    clock.at(clock.seconds() + 1, lambda: seen.append("rang")).cancel()
    clock.advance(2)
    assert seen == []


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_it_goes_forwards_only(seconds: float) -> None:
    """A jump backwards or to nowhere is refused."""
    with pytest.raises(SimulatorError, match="only forwards"):
        standing().advance(seconds)


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_a_speed_is_a_number_from_0(speed: float) -> None:
    """A speed that time can't have is refused."""
    with pytest.raises(SimulatorError, match="speed must be"):
        Clock(LoopThread(), speed)


def test_pace_is_never_faster_than_the_wall() -> None:
    """Request rates are measured in real seconds however fast tasks run; a jump makes room."""
    clock = Clock(LoopThread(), speed=10_000)
    real, begun = time.monotonic(), clock.pace()
    while time.monotonic() - real < 0.02:
        pass
    assert clock.pace() - begun <= time.monotonic() - real
    clock.advance(5)
    assert clock.pace() - begun >= 5


async def test_it_may_be_advanced_from_an_event_loop(simulator: Simulator) -> None:
    """elapse() lets the caller's own event loop run, where a webhook's receiver may live."""
    before = simulator.clock.now()
    await simulator.clock.elapse(60)
    simulator.clock.advance(60)
    assert simulator.clock.now() - before == timedelta(seconds=120)
