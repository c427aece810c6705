"""A short soak, three times: nothing is lost, nothing paid twice, and a seed repeats its plan."""

import os

import pytest

from tests.soak.disturbance import EACH_ROUND, ROUND, Kind, all_faults, planned
from tests.soak.soaking import REST_WITHIN, Soak, soak
from worker.simulator import Fault

LONG = os.environ.get("MESHQUEUE_LONG") == "1"
SECONDS = 60.0 if LONG else 20.0


@pytest.mark.timeout(SECONDS + REST_WITHIN + 180)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_should_be_zero_is(seed: int) -> None:
    """Whatever is killed, cut and refused: every job ends, both sides' books agree."""
    report = await soak(Soak(seed, SECONDS), print)
    found = [f"{each.zero}: {each.what}; job {each.job}" for each in report.verdict.findings]
    dossiers = ["\n".join(lines) for lines in report.dossiers.values()]
    assert found == [], "\n".join([report.soak.command, *dossiers])
    assert report.rested_after is not None
    assert report.ended["SUCCEEDED"] > 0
    assert report.disturbed[Kind.KILL] == EACH_ROUND[Kind.KILL] * max(1, int(SECONDS // ROUND))


def test_a_seed_repeats_its_disturbances() -> None:
    """The same seed, the same plan; another one, another plan."""
    assert planned(1, 60, 3) == planned(1, 60, 3)
    assert planned(1, 60, 3) != planned(2, 60, 3)


@pytest.mark.parametrize("seconds", [5.0, 60.0])
def test_a_plan_has_everything(seconds: float) -> None:
    """Each kind of disturbance happens however short the time is, and within it."""
    acts = planned(7, seconds, 3)
    assert {act.kind for act in acts} == set(Kind)
    assert all(0 <= act.at < seconds for act in acts)


def test_every_fault_has_its_turn() -> None:
    """None is injected a second time before all the others were once."""
    rules = [act.rule for act in planned(7, 60, 3) if act.rule]
    assert {rule.fault for rule in rules[: len(all_faults())]} == set(Fault)
    assert sorted(map(repr, rules[: len(all_faults())])) == sorted(map(repr, all_faults()))
