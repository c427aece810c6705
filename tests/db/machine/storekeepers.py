"""Uploads and removals, each of its steps by itself, at paths that everybody shares."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.db.machine.deliveries import Deliveries
from tests.db.machine.ground import PICK, chosen, one_of
from tests.db.machine.view import Run, look
from tests.db.machine.warehouse import File, Removal, name
from tests.support.engine import Worker, model_file
from tests.support.jobs import PREVIEW_ONLY, create, set_setting, set_status

DUE = "update meshqueue.removals set due_at = now() where due_at > now()"
LAPSE = """
    update meshqueue.removals set claimed_until = now() - interval '1 second'
    where claimed_until is not null
"""


class Storekeepers(Deliveries):
    @initialize()
    def open(self) -> None:
        super().open()
        set_setting(self.db, "max_in_flight_meshy", 100)
        self.grant(self.users[0], 1000)
        for _ in range(5):
            job = create(self.db, self.users[0], PREVIEW_ONLY)
            self.work_until_delivery(self.workers[0], job["id"])
        self.view = look(self.db.admin)
        for which, run in enumerate(self.view.delivering[:2]):
            self.cancel_while_storing(run, which, lands=True)
        self.view = look(self.db.admin)

    @rule(pick=PICK, worker=PICK, to_everybody=st.booleans())
    @one_of(lambda self: self.users[:1])
    def order(self, user_id: UUID, worker: int, to_everybody: bool) -> None:  # noqa: FBT001
        """All stages but the last go well at once."""
        with self.refusable("PT402", "PT503"):
            job = create(self.db, user_id, {**PREVIEW_ONLY, "public": to_everybody})
            self.work_until_delivery(chosen(self.workers, worker), job["id"])

    def work_until_delivery(self, worker: Worker, job_id: UUID) -> None:
        run = worker.begin(job_id, "PREVIEW")
        if run["outcome"] == "begun":
            worker.submit(run)
            assert worker.finish(run)["outcome"] == "ok"
            assert worker.begin_delivery(job_id)["outcome"] == "begun"

    @rule(pick=PICK, which=PICK, lands=st.booleans())
    @one_of(lambda self: self.view.delivering)
    def intend(self, run: Run, which: int, lands: bool) -> None:  # noqa: FBT001
        file = self.file_of(run, which)
        if self.intend_to_store(run, file) and lands:
            self.warehouse.upload(file)

    @rule(pick=PICK)
    @one_of(lambda self: self.warehouse.uploads)
    def upload(self, file: File) -> None:
        """It lands, perhaps long after its sender was given up for dead."""
        self.warehouse.upload(file)

    @rule(pick=PICK)
    @one_of(lambda self: self.view.delivering)
    def deliver(self, run: Run) -> None:
        self.hand_over(run)

    @rule(pick=PICK, which=PICK, lands=st.booleans())
    @one_of(lambda self: self.view.delivering)
    def abandon(self, run: Run, which: int, lands: bool) -> None:  # noqa: FBT001
        """Canceled in the middle of an upload, which may still land."""
        self.cancel_while_storing(run, which, lands=lands)

    def cancel_while_storing(self, run: Run, which: int, *, lands: bool) -> None:
        file = self.file_of(run, which)
        if self.intend_to_store(run, file) and lands:
            self.warehouse.upload(file)
        set_status(self.db, run.job_id, "CANCELED")

    @rule(pick=PICK, by=PICK)
    @one_of(lambda self: self.warehouse.removals)
    def want_what_is_being_removed(self, removal: Removal, by: int) -> None:
        path = removal.file["path"]
        runs = [run for run in self.view.delivering if path.startswith(f"{run.user_id}/")]
        if runs and removal.file["bucket"] == "assets":
            run = chosen(runs, by)
            self.intend_to_store(run, model_file(run.fence, path=path))

    @rule(pick=PICK, how=st.sampled_from(["CANCELED", "FAILED"]))
    @one_of(lambda self: self.view.delivering)
    def end(self, run: Run, how: str) -> None:
        set_status(self.db, run.job_id, how)

    @rule(pick=PICK, worker=PICK)
    @one_of(lambda self: self.view.delivering)
    def change_hands(self, run: Run, worker: int) -> None:
        """Another attempt may store something else."""
        self.worker(run.worker_id).release(run.fence)
        chosen(self.workers, worker).begin_delivery(UUID(run.job_id))

    # Removing

    @rule(pick=PICK, all_is_due=st.booleans())
    @one_of(lambda self: self.workers)
    def claim(self, worker: Worker, all_is_due: bool) -> None:  # noqa: FBT001
        if all_is_due:
            self.let_uploads_end()
        for file in worker.claim_removals():
            assert name(file) not in self.view.needed
            self.warehouse.removals.append(Removal(worker, file))

    @rule(pick=PICK)
    @one_of(lambda self: [one for one in self.warehouse.removals if not one.done])
    def delete(self, removal: Removal) -> None:
        self.warehouse.delete(removal)

    @rule(pick=PICK)
    @one_of(lambda self: self.warehouse.removals)
    def report(self, removal: Removal) -> None:
        self.tell(removal)

    def let_uploads_end(self) -> None:
        """Nobody uploads or copies any more what was intended until now: removals come due."""
        self.warehouse.uploads.clear()
        self.warehouse.copying.clear()
        self.db.admin.execute(DUE)

    @rule()
    def let_claims_lapse(self) -> None:
        """Nobody deletes any more what was claimed until now."""
        self.warehouse.removals.clear()
        self.db.admin.execute(LAPSE)

    @rule(pick=PICK)
    @one_of(lambda self: self.workers)
    def clean_up(self, worker: Worker) -> None:
        """After upkeep no object is left without a row or an intent."""
        self.let_uploads_end()
        self.warehouse.removals.clear()
        self.db.admin.execute(LAPSE)
        for file in worker.claim_removals():
            assert name(file) not in self.view.needed
            self.warehouse.delete(Removal(worker, file))
            worker.removed(file)
        assert self.db.admin.rows("select from meshqueue.removals") == []
