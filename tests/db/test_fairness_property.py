"""Whoever comes, goes and comes again: turns go round."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import jobs
from tests.support.database import Database, fresh_database
from tests.support.servers import Postgres

USERS = 4
STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "create", "cancel", "free"]), st.integers(0, USERS - 1)),
    min_size=20,
    max_size=60,
)

# For each two turns of one user in a row: who waited all the time between and had none.
OVERTAKEN = """
    with turns as (
      select r.id, r.user_id, r.created_at as at, lag(r.created_at) over mine as before
      from meshqueue.runs r window mine as (partition by r.user_id order by r.id)
    )
    select t.user_id, w.user_id as overtaken
    from turns t join meshqueue.waiting w on w.user_id <> t.user_id and w.since < t.before
    where t.before is not null and not exists (
      select from turns o where o.user_id = w.user_id and o.at > t.before and o.at <= t.at)
"""


class Crowd:
    def __init__(self, db: Database) -> None:
        self.db = db
        jobs.set_setting(db, "credits_enabled", "false")
        jobs.set_setting(db, "max_in_flight_meshy", 1)
        self.users = [db.new_user() for _ in range(USERS)]

    def create(self, user: UUID) -> None:
        query = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)"
        self.db.admin.execute(query, user, jobs.PREVIEW_ONLY)

    def cancel(self, user: UUID) -> None:
        """The oldest that waits."""
        self.end("select job_id from meshqueue.waiting where user_id = %s order by seq", user)

    def free(self, _: UUID) -> None:
        """Whoever has the slot gives it back."""
        self.end("select job_id from meshqueue.runs where state = 'ready'")

    def end(self, query: str, *values: UUID) -> None:
        for job_id in self.db.admin.values(f"{query} limit 1", *values):
            jobs.set_status(self.db, job_id, "CANCELED")

    def overtaken(self) -> list[dict[str, UUID]]:
        return self.db.admin.rows(OVERTAKEN)


def test_nobody_is_overtaken_twice(server: Postgres, template: str) -> None:
    """Between two turns of a user, everybody who waited all that time has had one."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def whatever_happens(steps: list[tuple[str, int]]) -> None:
        with fresh_database(server, template) as db:
            crowd = Crowd(db)
            for what, whom in steps:
                getattr(crowd, what)(crowd.users[whom])
                assert crowd.overtaken() == []

    whatever_happens()
