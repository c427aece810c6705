import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from worker.simulator.plan import Phase, Plan, draw_plan

CREATED = 1_000.0


def plan_of(seed: int, seconds: float = 87.0) -> Plan:
    return draw_plan(Random(seed), CREATED, seconds, longest_queue=5)  # noqa: S311 - repeatable


seeds = st.integers(0, 10_000)
durations = st.floats(5, 600)


@given(seed=seeds, seconds=durations)
def test_a_task_waits_works_and_ends(seed: int, seconds: float) -> None:
    """Every plan goes from PENDING over RUNNING to its end, once, and never back."""
    plan = plan_of(seed, seconds)
    phases = [plan.at(CREATED + step * 2).phase for step in range(500)]
    assert [phase for i, phase in enumerate(phases) if i == 0 or phases[i - 1] is not phase] == [
        Phase.PENDING,
        Phase.RUNNING,
        Phase.SUCCEEDED,
    ]


@given(seed=seeds, seconds=durations)
def test_progress_and_place_only_improve(seed: int, seconds: float) -> None:
    """Progress grows from 0 to 100; the place in the queue falls to 0."""
    plan = plan_of(seed, seconds)
    moments = [plan.at(CREATED + step) for step in range(1_000)]
    assert [m.progress for m in moments] == sorted(m.progress for m in moments)
    assert [-m.ahead for m in moments] == sorted(-m.ahead for m in moments)
    assert (moments[0].progress, moments[-1].progress) == (0, 100)
    assert moments[0].ahead >= 2


@given(seed=seeds, seconds=st.floats(80, 600))
def test_a_long_task_stalls_near_its_end(seed: int, seconds: float) -> None:
    """It stays at 95 to 99 for 30 to 120 seconds before it ends."""
    plan = plan_of(seed, seconds)
    reached, progress = plan.steps[-1]
    assert 95 <= progress <= 99
    assert 30 <= plan.finished - reached <= 120


@given(seed=seeds, seconds=durations)
def test_every_change_is_foretold(seed: int, seconds: float) -> None:
    """Between two moments that next_change() names, nothing changes."""
    plan = plan_of(seed, seconds)
    now = CREATED
    while (change := plan.next_change(now)) < math.inf:
        assert plan.at((now + change) / 2) == plan.at(now)
        now = change
    assert plan.at(now).phase is Phase.SUCCEEDED


def test_the_same_dice_make_the_same_plan() -> None:
    """A seed's future can be played again."""
    assert plan_of(7) == plan_of(7) != plan_of(8)


@given(seed=seeds, share=st.floats(0.01, 0.99))
def test_a_task_that_is_ended_early_keeps_its_past(seed: int, share: float) -> None:
    """Cutting a plan short changes nothing of what was seen before."""
    plan = plan_of(seed)
    now = CREATED + (plan.finished - CREATED) * share
    cut = plan.ended_at(now, Phase.FAILED)
    for step in range(20):
        earlier = CREATED + (now - CREATED) * step / 21
        assert cut.at(earlier).phase is plan.at(earlier).phase
        assert cut.at(earlier).progress == plan.at(earlier).progress
    assert cut.at(now).phase is Phase.FAILED
    assert cut.next_change(now) == math.inf


def test_a_stuck_task_never_ends() -> None:
    """Stuck in the queue or at 99 per cent, it is still there after a year."""
    later = CREATED + 365 * 86_400
    pending, nearly = plan_of(1).stuck_pending().at(later), plan_of(1).stuck_at_99().at(later)
    assert (pending.phase, pending.progress, pending.ahead) == (Phase.PENDING, 0, 0)
    assert (nearly.phase, nearly.progress) == (Phase.RUNNING, 99)


def test_a_failing_task_stops_where_it_was() -> None:
    """Its progress stays below 100 for ever."""
    plan = plan_of(3).failing()
    assert 0 < plan.at(plan.finished).progress < 100
    assert plan.at(plan.finished + 1_000).phase is Phase.FAILED


def test_the_wait_can_be_skipped() -> None:
    """A task that is put to work now takes as long as it would have."""
    plan = plan_of(4)
    hurried = plan.started_at(CREATED)
    assert hurried.at(CREATED).phase is Phase.RUNNING
    assert math.isclose(hurried.finished - CREATED, plan.finished - plan.started)
