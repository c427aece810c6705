"""What operators and the clock do."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.db.machine.ground import PICK, Ground, one_of
from tests.db.machine.view import Job
from tests.support.jobs import set_setting

PROVIDERS = st.sampled_from(["MESHY", "TRIPO"])
POOLS = st.sampled_from(["meshy", "tripo_model", "tripo_processing", "tripo_animation"])
CHOICES = st.sampled_from(
    [
        ("deliver_best", "true"),
        ("deliver_best", "false"),
        ("cancel_refund", "all"),
        ("cancel_refund", "unsubmitted"),
        ("credit_cost_preview", "0"),
        ("credit_cost_preview", "10"),
        ("credits_enabled", "false"),
        ("credits_enabled", "true"),
    ]
)
OUTDATE = "update public.ai_jobs set deadline_at = now() - interval '1 second' where id = any (%s)"
AGE = """
    update meshqueue.runs set ended_at = now() - interval '8 days'
    where id = any (%s) and ended_at is not null
"""


class Operators(Ground):
    @rule()
    def a_quiet_moment(self) -> None:
        """The plainest choice, which hypothesis tries often, costs next to nothing."""
        self.idle = True

    @rule(pool=POOLS, limit=st.integers(0, 3))
    def limit(self, pool: str, limit: int) -> None:
        set_setting(self.db, f"max_in_flight_{pool}", limit)

    @rule(choice=CHOICES)
    def choose(self, choice: tuple[str, str]) -> None:
        set_setting(self.db, *choice)

    @rule(provider=PROVIDERS, key=st.sampled_from(["*", "a", "b"]))
    def pause(self, provider: str, key: str) -> None:
        self.db.admin.execute("select meshqueue.pause_provider(%s, %s)", provider, key)

    @rule(provider=PROVIDERS)
    def resume(self, provider: str) -> None:
        for pause in self.view.facts["pauses"]:
            if pause[0] == provider:
                assert self.db.admin.value("select meshqueue.resume_provider(%s, %s)", *pause)

    @rule(paused=st.booleans())
    def fill_the_storage(self, paused: bool) -> None:  # noqa: FBT001
        changed = (
            self.workers[0].pause_deliveries() if paused else self.workers[0].resume_deliveries()
        )
        assert changed is (paused is not self.view.facts["deliveries_paused"])

    @rule()
    def admit(self) -> None:
        """A sweep finds nothing to do: whoever frees has admitted already."""
        assert self.db.admin.value("select meshqueue.admit()") == 0

    @rule(pick=PICK, all_of_its_user=st.booleans())
    @one_of(lambda self: [job for job in self.view.jobs if not job.over])
    def let_deadlines_pass(self, job: Job, all_of_its_user: bool) -> None:  # noqa: FBT001
        going = [other for other in self.view.jobs if not other.over]
        late = [other.id for other in going if other.user_id == job.user_id]
        self.db.admin.execute(OUTDATE, late if all_of_its_user else [job.id])
        self.db.admin.execute("select meshqueue.expire_jobs()")

    @rule()
    def purge(self) -> None:
        """What ended long ago, and of which nobody awaits news, is removed."""
        awaited = {request.run for request in self.provider.unanswered}
        ended = [run for run, _ in self.provider.requests if run not in self.view.run]
        old = [run for run in ended if run not in awaited]
        self.db.admin.execute(AGE, old)
        self.db.admin.execute("select meshqueue.purge()")
        left = self.db.admin.values("select id from meshqueue.runs where id = any (%s)", old)
        self.provider.forget(set(old) - set(left))
