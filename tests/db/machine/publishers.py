"""Owners who show their assets and take them back, and the workers that copy."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.db.machine.ground import PICK, Ground, chosen, one_of
from tests.db.machine.view import Job
from tests.db.machine.warehouse import Copying

SOON = "update meshqueue.publications set due_at = now()"


class Publishers(Ground):
    def assets(self) -> list[Job]:
        return [job for job in self.view.jobs if job.asset_id and job.status == "SUCCEEDED"]

    @rule(pick=PICK, what=st.sampled_from(["publish", "publish", "unpublish"]))
    @one_of(lambda self: self.assets())
    def wish(self, job: Job, what: str) -> None:
        with self.db.user(UUID(job.user_id)) as owner:
            owner.execute(f"select public.{what}_template(%s)", job.asset_id)

    @rule(pick=PICK, worker=PICK)
    @one_of(lambda self: self.assets())
    def begin_publishing(self, job: Job, worker: int) -> None:
        self.db.admin.execute(SOON)
        by = chosen(self.workers, worker)
        wish = by.begin_publication(UUID(job.asset_id))
        if wish:
            self.warehouse.copying.append(Copying(by, wish))

    @rule(pick=PICK)
    @one_of(lambda self: self.warehouse.copying)
    def copy(self, copying: Copying) -> None:
        self.warehouse.copy(copying)

    @rule(pick=PICK)
    @one_of(lambda self: self.warehouse.copying)
    def finish_publishing(self, copying: Copying) -> None:
        copying.worker.finish_publication(copying.wish, {}, copying.made)

    @rule(pick=PICK)
    @one_of(lambda self: self.assets())
    def delete_asset(self, job: Job) -> None:
        with self.refusable("PT409"), self.db.user(UUID(job.user_id)) as owner:
            owner.execute("select public.delete_asset(%s)", job.asset_id)
