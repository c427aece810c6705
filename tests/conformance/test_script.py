from typing import Any

import httpx
import pytest

from tests.conformance.door import DOORS, Door
from tests.conformance.wire import NO_CERTIFICATES, client, fetch, send
from worker.errors import MeshqueueError
from worker.simulator import Fault, Rule, Simulator

MESHY, TRIPO = DOORS
HALF = 0.5
TRIES = 24


def answers(simulator: Simulator, door: Door, count: int) -> list[int]:
    with door.open(simulator) as http:
        found = []
        for _ in range(count):
            answer = door.create(http)
            found.append(answer.status_code)
            if answer.is_success:
                simulator.settle(door.task_id(answer.json()), "succeeded")
        return found


def refused(simulator: Simulator, door: Door, count: int) -> list[bool]:
    return [status >= 400 for status in answers(simulator, door, count)]


def rule(**changes: Any) -> Rule:
    return Rule(**({"fault": Fault.ANSWER_5XX, "operation": "create"} | changes))


def test_a_rule_counts_its_times(simulator: Simulator) -> None:
    """times=n happens n times, then no more."""
    simulator.script(rule(times=2))
    assert refused(simulator, MESHY, 4) == [True, True, False, False]


def test_a_rule_without_times_goes_on(simulator: Simulator) -> None:
    """times=None happens until the rules are forgotten."""
    simulator.script(rule(times=None))
    assert all(refused(simulator, MESHY, 5))
    simulator.forget_rules()
    assert not any(refused(simulator, MESHY, 5))


def test_a_rule_waits(simulator: Simulator) -> None:
    """after=n lets the first n pass."""
    simulator.script(rule(times=1, after=2))
    assert refused(simulator, MESHY, 4) == [False, False, True, False]


def test_rules_are_tried_in_order(simulator: Simulator) -> None:
    """The first rule that fits happens; the next one when it is used up."""
    simulator.script(rule(fault=Fault.UNAUTHORISED))
    simulator.script(rule(fault=Fault.FORBIDDEN))
    assert answers(simulator, MESHY, 2) == [401, 403]


def test_a_rule_is_for_its_provider(simulator: Simulator) -> None:
    """A rule for one provider leaves the other alone; one for none meets both."""
    simulator.script(rule(provider="tripo"))
    assert refused(simulator, MESHY, 1) == [False]
    assert refused(simulator, TRIPO, 1) == [True]
    simulator.script(rule(times=2))
    assert refused(simulator, MESHY, 1) == refused(simulator, TRIPO, 1) == [True]


def test_a_rule_is_for_its_resource(simulator: Simulator) -> None:
    """A rule for another resource does not fit."""
    simulator.script(rule(provider="meshy", resource="image-to-3d"))
    assert refused(simulator, MESHY, 1) == [False]
    simulator.script(rule(provider="meshy", resource="text-to-3d"))
    assert refused(simulator, MESHY, 1) == [True]


def test_chance_is_the_seeds() -> None:
    """The same seed throws the same dice; with chance 0.5 some pass and some do not."""

    def thrown(seed: int) -> list[bool]:
        with Simulator(seed=seed, speed=0.0) as simulator:
            simulator.meshy.account.requests_per_second = 1000
            simulator.script(rule(times=None, chance=HALF))
            return refused(simulator, MESHY, TRIES)

    first = thrown(1)
    assert first == thrown(1)
    assert any(first)
    assert not all(first)
    assert first != thrown(2)


@pytest.mark.parametrize(
    "changes",
    [
        {"fault": Fault.STREAM_ENDS, "operation": "create"},
        {"fault": Fault.LIST_LAGS, "operation": "download"},
        {"fault": Fault.WEBHOOK_LOST, "operation": "balance"},
        {"fault": Fault.DOWNLOAD_SLOW, "operation": "webhook"},
        {"fault": Fault.FREE_PLAN, "provider": "tripo"},
    ],
    ids=str,
)
def test_a_fault_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    """A rule whose fault can't happen to its operation is an error when it is made."""
    with pytest.raises((MeshqueueError, ValueError), match=changes["fault"].name):
        rule(**changes)


def control(simulator: Simulator) -> str:
    return str(httpx.URL(simulator.meshy.url).join("/_simulator/"))


def test_the_control_is_reachable_over_http(simulator: Simulator) -> None:
    """Rules, clock and book can be reached from another process."""
    base = control(simulator)
    wanted = {"fault": "ANSWER_5XX", "provider": "meshy", "operation": "create"}
    assert send(f"{base}rules", wanted).is_success
    assert len(fetch(f"{base}rules").json()) == 1
    assert refused(simulator, MESHY, 2) == [True, False]
    with client() as http:
        assert http.delete(f"{base}rules").is_success
    assert not fetch(f"{base}rules").json()
    assert fetch(f"{base}book").json()


def test_the_clock_is_reachable_over_http(simulator: Simulator) -> None:
    """POST clock jumps as advance() does."""
    before = simulator.clock.now()
    assert send(f"{control(simulator)}clock", {"advance": 90}).is_success
    assert (simulator.clock.now() - before).total_seconds() == pytest.approx(90)


def test_the_clock_stands_still(simulator: Simulator) -> None:
    """With speed 0 only advance() moves the time."""
    before = simulator.clock.now()
    answers(simulator, MESHY, 3)
    assert simulator.clock.now() == before
    assert before.utcoffset() is not None


async def test_it_runs_under_async_with() -> None:
    """`async with Simulator()` serves the loop's own clients."""
    async with (
        Simulator(seed=1, speed=0.0) as simulator,
        httpx.AsyncClient(verify=NO_CERTIFICATES, trust_env=False) as http,
    ):
        answer = await http.get(f"{simulator.meshy.url}/openapi/v1/balance")
        assert answer.status_code == 401


def test_two_simulators_do_not_meet(simulator: Simulator) -> None:
    """Each simulator has its own port, clock and book."""
    with Simulator(seed=1, speed=0.0) as other:
        answers(simulator, MESHY, 1)
        other.clock.advance(60)
        assert simulator.meshy.url != other.meshy.url
        assert len(simulator.book("meshy").tasks) == 1
        assert not other.book("meshy").tasks
        assert simulator.clock.now() != other.clock.now()
