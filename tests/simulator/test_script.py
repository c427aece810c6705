from typing import Any

import httpx
import pytest

from tests.simulator.asking import PREVIEW, TEXT_TO_3D, create, look
from worker.simulator import Fault, Rule, Simulator, SimulatorError
from worker.simulator.fault import APPLIES, OPERATIONS, PROVIDERS, operations_of
from worker.simulator.script import Script, rule_of, rule_table

LIST_FAILS = Rule(Fault.ANSWER_5XX, provider="meshy", operation="list")


def fired(script: Script, times: int) -> list[bool]:
    return [script.match("meshy", "list", "text-to-3d") is not None for _ in range(times)]


def test_a_rule_happens_once_unless_told_otherwise() -> None:
    """`times` counts, `after` lets requests pass first, None never ends."""
    for rule, expected in (
        (LIST_FAILS, [True, False, False, False]),
        (Rule(Fault.ANSWER_5XX, times=2), [True, True, False, False]),
        (Rule(Fault.ANSWER_5XX, after=1), [False, True, False, False]),
        (Rule(Fault.ANSWER_5XX, after=2, times=None), [False, False, True, True]),
    ):
        script = Script(seed=1)
        script.add(rule)
        assert fired(script, 4) == expected


def test_the_first_rule_that_fits_is_done() -> None:
    """Rules are tried in order; one request suffers one fault."""
    script = Script(seed=1)
    script.add(Rule(Fault.NOT_FOUND, operation="get"), LIST_FAILS, Rule(Fault.NO_ANSWER))
    faults = [script.match("meshy", "list", None) for _ in range(3)]
    assert [rule.fault for rule in faults if rule] == [Fault.ANSWER_5XX, Fault.NO_ANSWER]


def test_chance_is_the_seeds() -> None:
    """The same seed makes the same requests fail; about as many as the chance says."""

    def played(seed: int) -> list[bool]:
        script = Script(seed)
        script.add(Rule(Fault.ANSWER_5XX, times=None, chance=0.3))
        return fired(script, 500)

    assert played(1) == played(1) != played(2)
    assert 100 < sum(played(1)) < 200


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_has_a_place(fault: Fault) -> None:
    """Every fault can happen somewhere, and a rule for each of these places can be made."""
    places = [(name, place) for name in PROVIDERS for place in operations_of(fault, name)]
    assert places
    for provider, operation in places:
        assert Rule(fault, provider, operation).covers(provider, operation, "anything")


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_out_of_place_is_refused(fault: Fault) -> None:
    """A rule for an operation that can't suffer the fault says where it could."""
    for operation in set(OPERATIONS) - APPLIES[fault]:
        with pytest.raises(SimulatorError, match=f"{fault.name} can't happen to"):
            Rule(fault, operation=operation)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "no_such_thing"},
        {"operation": "create"},
        {"fault": "no_answer", "provider": "blender"},
        {"fault": "no_answer", "operation": "refund"},
        {"fault": "no_answer", "times": 0},
        {"fault": "no_answer", "after": -1},
        {"fault": "no_answer", "chance": 1.5},
        {"fault": "no_answer", "chnace": 1.0},
        {"fault": "free_plan", "provider": "tripo"},
        {"fault": "no_answer", "provider": "tripo", "operation": "stream"},
    ],
)
def test_a_wrong_rule_is_refused_when_it_is_made(wrong: dict[str, Any]) -> None:
    """A typo in a script is told at once, not by a fault that never comes."""
    with pytest.raises(SimulatorError):
        rule_of(wrong)


def test_a_rule_survives_being_written_down() -> None:
    """As a table and back, a rule stays the same; the fault's name may be in capitals."""
    rule = Rule(Fault.ACCEPTED_LATE, "meshy", "create", "remesh", 3, 1, 0.5, {"seconds": 9})
    table = rule_table(rule)
    assert rule_of(table) == rule == rule_of(table | {"fault": "ACCEPTED_LATE"})


def test_a_rule_may_name_the_resource(simulator: Simulator, meshy: httpx.Client) -> None:
    """A fault of one resource leaves the others alone; a GET by id knows its task's resource."""
    simulator.script(Rule(Fault.ANSWER_5XX, "meshy", "get", "remesh", times=None))
    task = create(meshy)
    assert look(meshy, task)["id"] == task
    assert meshy.get(f"/openapi/v1/remesh/{task}").status_code == 500


def test_a_task_suffers_besides_its_request(simulator: Simulator, meshy: httpx.Client) -> None:
    """A rule for the task and one for its create both happen to the same task."""
    simulator.script(
        Rule(Fault.STUCK_PENDING, operation="task"), Rule(Fault.ANSWER_DROPPED, operation="create")
    )
    with pytest.raises(httpx.RemoteProtocolError):
        meshy.post(TEXT_TO_3D, json=PREVIEW)
    simulator.clock.advance(10_000)
    assert [task.status for task in simulator.book("meshy").tasks] == ["PENDING"]


def test_rules_can_be_forgotten(simulator: Simulator, meshy: httpx.Client) -> None:
    """After forget_rules() nothing fails any more."""
    simulator.script(Rule(Fault.ANSWER_5XX, times=None))
    assert meshy.get("/openapi/v1/balance").status_code == 500
    simulator.forget_rules()
    assert meshy.get("/openapi/v1/balance").status_code == 200


def test_the_request_says_which_fault_it_suffered(
    simulator: Simulator, meshy: httpx.Client
) -> None:
    """The book names the fault beside the answer that was given, if any."""
    simulator.script(LIST_FAILS, Rule(Fault.ANSWER_DROPPED, operation="balance"))
    meshy.get(TEXT_TO_3D)
    with pytest.raises(httpx.RemoteProtocolError):
        meshy.get("/openapi/v1/balance")
    requests = simulator.book("meshy").requests
    assert [(request.status, request.fault) for request in requests] == [
        (500, Fault.ANSWER_5XX),
        (None, Fault.ANSWER_DROPPED),
    ]
