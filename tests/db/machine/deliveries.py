"""How objects come to lie in the storage: intended, uploaded, delivered."""

from typing import Any

from tests.db.machine.ground import Ground
from tests.db.machine.view import Run
from tests.db.machine.warehouse import File, Removal, name
from tests.support.engine import model_file

PROBE = "select exists (select from meshqueue.delivery_pause where probe_at > now())"


class Deliveries(Ground):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.intended: dict[int, list[File]] = {}

    def deliveries_wait(self) -> bool:
        return bool(self.db.admin.value(PROBE))

    def file_of(self, run: Run, which: int) -> File:
        """One of two paths, which all jobs of its user share."""
        return model_file(run.fence, path=f"{run.user_id}/models/{which % 2}.glb")

    def intend_to_store(self, run: Run, file: File) -> bool:
        """Who is told to wait may not upload."""
        barred = name(file) in {name(removal.file) for removal in self.warehouse.removals}
        answer = self.worker(run.worker_id).intend(run.fence, file)
        assert answer == ("busy" if barred else "ok")
        if not barred:
            self.intended.setdefault(run.id, []).append(file)
            self.warehouse.uploads.append(file)
        return not barred

    def hand_over(self, run: Run) -> None:
        """Finishes with what lies there of what was intended, or first stores something."""
        there = [file for file in self.intended.get(run.id, []) if self.lies_there(file)]
        if not there:
            file = self.file_of(run, run.id)
            if not self.intend_to_store(run, file):
                self.remove_all_claimed()
                self.intend_to_store(run, file)
            self.warehouse.upload(file)
            there = [file]
        answer = self.worker(run.worker_id).finish_delivery(run.fence, there[-1:])
        assert answer == {"outcome": "ok"}

    def lies_there(self, file: File) -> bool:
        return name(file) in self.warehouse.objects

    def remove_all_claimed(self) -> None:
        for removal in list(self.warehouse.removals):
            self.warehouse.delete(removal)
            self.tell(removal)

    def tell(self, removal: Removal) -> None:
        self.warehouse.removals.remove(removal)
        if removal.done:
            removal.worker.removed(removal.file)
        else:
            removal.worker.not_removed(removal.file)
