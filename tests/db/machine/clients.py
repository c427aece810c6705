"""What users do."""

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.db.machine.ground import PICK, Ground, one_of
from tests.db.machine.view import Job, Run
from tests.support.jobs import (
    MESHY_IMAGES,
    MESHY_TEXT,
    PREVIEW_ONLY,
    TRIPO_IMAGES,
    TRIPO_RIG,
    TRIPO_TEXT,
    cancel,
    create,
)

REQUESTS = st.sampled_from(
    [PREVIEW_ONLY, MESHY_TEXT, MESHY_IMAGES, TRIPO_TEXT, TRIPO_IMAGES, TRIPO_RIG]
)
INSERT = "insert into public.ai_jobs (request_payload, idempotency_key) values (%s, %s)"


class Clients(Ground):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.first_with_key: dict[tuple[UUID, str], tuple[UUID, dict[str, Any]]] = {}

    @rule(amount=st.integers(0, 20))
    def sign_up(self, amount: int) -> None:
        if len(self.users) < 3:
            self.enrol(10 * amount + 5)

    @rule(pick=PICK, amount=st.sampled_from([10, 35, 100, -5]))
    @one_of(lambda self: self.users)
    def be_granted(self, user_id: UUID, amount: int) -> None:
        with self.refusable("PT402"):
            self.grant(user_id, amount)

    @rule(pick=PICK, request=REQUESTS, key=st.sampled_from(["k", "l"]))
    @one_of(lambda self: self.users)
    def ask_with_key(self, user_id: UUID, request: dict[str, Any], key: str) -> None:
        known = self.first_with_key.get((user_id, key))
        if known is None:
            with self.refusable("PT402", "PT503"):
                made = create(self.db, user_id, request, idempotency_key=key)
                self.first_with_key[user_id, key] = made["id"], request
        elif known[1] == request:
            assert create(self.db, user_id, request, idempotency_key=key)["id"] == known[0]
        else:
            with self.refusable("PT409"):
                create(self.db, user_id, request, idempotency_key=key)
                raise AssertionError("another request got the job of an old key")

    @rule(pick=PICK, request=REQUESTS, key=st.sampled_from([None, None, "k"]))
    @one_of(lambda self: self.users)
    def insert(self, user_id: UUID, request: dict[str, Any], key: str | None) -> None:
        with self.refusable("PT402", "PT409", "PT503"), self.db.user(user_id) as user:
            made = user.row(f"{INSERT} returning id", request, key)
            if key is not None:
                assert (user_id, key) not in self.first_with_key
                self.first_with_key[user_id, key] = made["id"], request

    @rule(pick=PICK, requests=st.lists(REQUESTS, min_size=2, max_size=4))
    @one_of(lambda self: self.users)
    def insert_several(self, user_id: UUID, requests: list[dict[str, Any]]) -> None:
        with self.refusable("PT402", "PT503"), self.db.user(user_id) as user:
            for request in requests:
                user.execute(INSERT, request, None)

    @rule(pick=PICK)
    @one_of(lambda self: self.view.jobs)
    def cancel(self, job: Job) -> None:
        with self.refusable("PT409"):
            cancel(self.db, UUID(job.user_id), UUID(job.id))
            assert job.status not in {"SUCCEEDED", "FAILED"}

    @rule(pick=PICK)
    @one_of(lambda self: [run for run in self.view.held if run.state == "running"])
    def cancel_what_is_worked_on(self, run: Run) -> None:
        cancel(self.db, UUID(run.user_id), UUID(run.job_id))

    @rule(pick=PICK)
    @one_of(lambda self: [job for job in self.view.jobs if job.over])
    def retry(self, job: Job) -> None:
        with (
            self.refusable("PT402", "PT409", "PT503"),
            self.db.user(UUID(job.user_id)) as user,
        ):
            user.row("select * from public.retry_ai_job(%s)", job.id)
            assert job.status != "SUCCEEDED"

    @rule(pick=PICK)
    @one_of(lambda self: self.users[1:])
    def leave_for_good(self, user_id: UUID) -> None:
        self.db.admin.execute("delete from auth.users where id = %s", user_id)
        self.users.remove(user_id)
        assert not self.db.admin.rows("select from public.ai_jobs where user_id = %s", user_id)
