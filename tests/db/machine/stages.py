"""What workers do with a run, and what becomes of their paid requests."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.db.machine.deliveries import Deliveries
from tests.db.machine.ground import PICK, chosen, one_of
from tests.db.machine.provider import Fate, Request
from tests.db.machine.view import Run
from tests.support.engine import Worker

GAVE_UP = """
    update meshqueue.submissions set gave_up_at = now() - interval '61 seconds'
    where run_id = %s and n = %s
"""
RUNS = "select r from meshqueue.runs r order by id"
BEGIN_AGAIN = "select meshqueue.begin_stage(%s, %s, %s, true)"
COME = "update meshqueue.runs set wake_at = now() where id = %s"
LATE_CALLS = st.sampled_from(
    ["submitting", "wait", "retry", "finish", "fail", "end_draining", "finish_delivery"]
)
STEPS = st.integers(1, 12)
WAITS_FOR_SOMEBODY = {"paused", "key_paused", "other_key", "storage_full"}


class Stages(Deliveries):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.begun: list[tuple[Worker, dict[str, Any]]] = []

    def lost(self) -> list[Run]:
        return [run for run in self.view.held if run.outcome == "lost"]

    def over_at_provider(self) -> list[Run]:
        return [run for run in self.view.held if self.provider.outcome(run.task_id)]

    def drained(self) -> list[Run]:
        """Nothing of theirs can be alive at the provider any more."""
        return [
            run
            for run in self.view.held
            if run.state == "draining" and (run.n is None or self.provider.outcome(run.task_id))
        ]

    # Holding a run

    # The ordinary way, step by step

    @rule(pick=PICK, worker=PICK, steps=STEPS)
    @one_of(lambda self: self.view.runs)
    def work(self, run: Run, worker: int, steps: int) -> None:
        self.go_on(run, worker, steps)

    @rule(pick=PICK, worker=PICK, steps=STEPS)
    @one_of(lambda self: self.view.held)
    def go_on_with_what_is_held(self, run: Run, worker: int, steps: int) -> None:
        self.go_on(run, worker, steps)

    @rule(pick=PICK, worker=PICK, steps=STEPS)
    @one_of(lambda self: [run for run in self.view.runs if run.worker_id is None])
    def take_up(self, run: Run, worker: int, steps: int) -> None:
        self.go_on(run, worker, steps)

    def go_on(self, run: Run, worker: int, steps: int) -> None:
        """A run, and the stages after it, go well for some steps."""
        for _ in range(steps):
            mine = [other for other in self.view.runs if other.job_id == run.job_id]
            if not mine or mine[-1].held_for in WAITS_FOR_SOMEBODY:
                return
            self.step(mine[-1], worker)
            self.check()

    def step(self, run: Run, worker: int) -> None:
        if run.early:
            self.db.admin.execute(COME, run.id)
        elif run.worker_id is None:
            living = [one for one in self.workers if self.view.lives(one.id)]
            if living:
                self.begin_by(run, chosen(living, worker))
            else:
                self.hire("a")
        elif run.n is not None:
            self.see_to(run, self.provider.requests[run.id, run.n])
        elif run.state == "draining":
            self.stop_draining(run)
        elif run.pool is None:
            self.hand_over(run)
        else:
            self.send(run)

    def see_to(self, run: Run, request: Request) -> None:
        if run.outcome == "lost":
            self.settle(run)
        elif run.outcome == "intent" and not request.answered:
            self.hear(request)
        elif run.task_id in self.provider.live:
            self.provider.end(run.task_id, "succeeded")
        elif run.task_id is not None:
            self.decide(run, again=False)

    @rule(pick=PICK, worker=PICK)
    @one_of(lambda self: self.view.runs)
    def begin(self, run: Run, worker: int) -> None:
        self.begin_by(run, chosen(self.workers, worker))

    def begin_by(self, run: Run, by: Worker) -> None:
        answer = by.begin(run.job_id, run.stage)  # type: ignore[arg-type]
        assert answer["outcome"] == self.expected_of(run, by)
        if answer["outcome"] in {"begun", "draining"}:
            self.begun.append((by, answer))

    @rule(pick=PICK)
    @one_of(lambda self: [run for run in self.view.held if self.view.lives(run.worker_id)])
    def begin_again(self, run: Run) -> None:
        """The holder never heard that it holds the run: what it may have sent since is in doubt."""
        answer = self.db.admin.value(BEGIN_AGAIN, run.job_id, run.stage, run.worker_id)
        assert answer["outcome"] == ("draining" if run.state == "draining" else "begun")
        assert answer["attempt"] == run.attempt + 1
        self.begun.append((self.worker(run.worker_id), answer))

    def expected_of(self, run: Run, by: Worker) -> str:
        if not self.view.lives(by.id):
            return "stale_worker"
        if not self.view.may_take(run, by.id):
            return "busy"
        if run.state == "held" and run.early:
            return "early"
        if run.key not in (None, by.serves[run.provider]):
            return "other_key"
        if run.state in {"ready", "held"} and (pause := self.pause_of(run, by)):
            return pause
        return "draining" if run.state == "draining" else "begun"

    def pause_of(self, run: Run, by: Worker) -> str | None:
        if run.pool is None:
            return "storage_full" if self.deliveries_wait() else None
        if run.n is None and run.provider in self.view.facts["paused"]:
            return "paused"
        key = [run.provider, by.serves[run.provider]]
        return "key_paused" if run.n is None and key in self.view.facts["pauses"] else None

    @rule(pick=st.integers(0, 31), what=LATE_CALLS)
    @one_of(lambda self: self.begun)
    def call_late(self, begun: tuple[Worker, dict[str, Any]], what: str) -> None:
        """Whoever lost a run decides nothing any more."""
        worker, answer = begun
        now = self.view.run.get(answer["run"])
        if now is None or (now.attempt, now.worker_id) != (answer["attempt"], str(worker.id)):
            self.call_in_vain(worker, answer, what)

    @rule(pick=PICK, worker=PICK, what=LATE_CALLS)
    @one_of(lambda self: self.view.runs)
    def call_from_elsewhere(self, run: Run, worker: int, what: str) -> None:
        """Whoever does not hold a run decides nothing about it."""
        by = chosen(self.workers, worker)
        if str(by.id) != run.worker_id:
            self.call_in_vain(by, run.fence, what)

    def call_in_vain(self, worker: Worker, run: dict[str, Any], what: str) -> None:
        before = self.db.admin.values(RUNS)
        assert getattr(worker, what)(run)["outcome"] == "fenced"
        assert self.db.admin.values(RUNS) == before

    @rule(pick=PICK, reason=st.sampled_from(["no_slot", "rate_limited", "paused"]))
    @one_of(lambda self: self.view.working + self.view.delivering)
    def wait(self, run: Run, reason: str) -> None:
        assert self.worker(run.worker_id).wait(run.fence, reason) == {"outcome": "ok"}

    @rule(pick=PICK, percent=st.integers(-5, 120))
    @one_of(lambda self: self.view.held)
    def progress(self, run: Run, percent: int) -> None:
        no_longer_mine = self.worker(run.worker_id).progress((run.fence, percent))
        assert no_longer_mine == ([] if run.state == "running" else [run.id])

    # Paid requests

    @rule(pick=PICK)
    @one_of(lambda self: self.view.working)
    def submit(self, run: Run) -> None:
        self.send(run)

    def send(self, run: Run) -> None:
        worker = self.worker(run.worker_id)
        answer = worker.submitting(run.fence)
        assert answer["outcome"] == ("ok" if run.n is None else "unresolved")
        if run.n is None:
            self.provider.send(worker, run.id, answer["n"])

    @rule(pick=PICK)
    @one_of(lambda self: self.provider.flying)
    def land(self, request: Request) -> None:
        """The provider accepts; perhaps its answer is still on the way, or lost."""
        self.provider.accept(request)

    @rule(pick=PICK)
    @one_of(lambda self: self.provider.unanswered)
    def answer(self, request: Request) -> None:
        """The sender hears the provider's answer, however late."""
        self.hear(request)

    def hear(self, request: Request) -> None:
        if request.fate is Fate.FLYING:
            self.provider.accept(request)
        request.answered = True
        if request.fate is Fate.LANDED:
            answer = request.sender.submitted({"run": request.run}, request.n, request.task)
            assert answer["outcome"] == "ok"
        else:
            request.sender.refused({"run": request.run}, request.n)

    @rule(pick=PICK)
    @one_of(lambda self: self.provider.flying)
    def refuse(self, request: Request) -> None:
        request.fate = Fate.NOTHING
        if not request.answered:
            request.answered = True
            request.sender.refused({"run": request.run}, request.n)

    @rule(pick=PICK)
    @one_of(lambda self: self.provider.unanswered)
    def lose(self, request: Request) -> None:
        request.answered = True
        request.sender.lost({"run": request.run}, request.n)

    @rule(pick=PICK)
    @one_of(lambda self: self.lost())
    def reconcile(self, run: Run) -> None:
        self.settle(run)

    def settle(self, run: Run) -> None:
        request = self.provider.requests[run.id, run.n or 0]
        answer = self.find(run, request) if request.task else self.miss(run, request)
        assert answer["outcome"] == ("ok" if run.state == "running" else "draining")

    def find(self, run: Run, request: Request) -> dict[str, Any]:
        return self.worker(run.worker_id).adopt(run.fence, request.n, request.task)

    def miss(self, run: Run, request: Request) -> dict[str, Any]:
        worker = self.worker(run.worker_id)
        self.db.admin.execute(GAVE_UP, run.id, request.n)
        request.fate = Fate.NOTHING
        return worker.absent(run.fence, request.n)

    @rule(pick=PICK)
    @one_of(lambda self: self.lost())
    def claim_tasks_of_others(self, run: Run) -> None:
        others = [other for other in self.view.runs if other.provider == run.provider]
        for task in [other.task_id for other in others if other.task_id]:
            claim = self.worker(run.worker_id).adopt(run.fence, run.n or 0, task)
            assert claim == {"outcome": "claimed"}

    # Tasks and what follows from their ends

    @rule(pick=PICK, outcome=st.sampled_from(["succeeded", "succeeded", "failed", "canceled"]))
    @one_of(lambda self: self.provider.live)
    def end_task(self, task: str, outcome: str) -> None:
        self.provider.end(task, outcome)

    @rule(pick=PICK, again=st.booleans())
    @one_of(lambda self: self.over_at_provider())
    def conclude(self, run: Run, again: bool) -> None:  # noqa: FBT001
        """The watcher sees that the task has ended; it may not know that its job is over."""
        self.decide(run, again=again)

    def decide(self, run: Run, *, again: bool) -> None:
        worker, outcome = self.worker(run.worker_id), self.provider.outcome(run.task_id)
        if outcome == "succeeded":
            answer = worker.finish(run.fence)["outcome"]
        elif again:
            answer = worker.retry(run.fence)["outcome"]
        else:
            answer = worker.fail(run.fence)["outcome"]
        told = {"ok"} if run.state == "running" else {"over"}
        assert answer in told or (again and run.retries == 1 and answer == "exhausted")

    @rule(pick=PICK)
    @one_of(lambda self: self.drained())
    def end_draining(self, run: Run) -> None:
        self.stop_draining(run)

    def stop_draining(self, run: Run) -> None:
        outcome = self.provider.outcome(run.task_id) or "absent"
        assert self.worker(run.worker_id).end_draining(run.fence, outcome) == {"outcome": "ok"}

    @rule(pick=PICK)
    @one_of(lambda self: self.view.working)
    def give_up(self, run: Run) -> None:
        """The stage fails although its task, or a lost request, may still live."""
        self.worker(run.worker_id).fail(run.fence, "submission_unknown", task_ended=False)

    @rule(pick=PICK, fails=st.sampled_from([False, False, True]))
    @one_of(lambda self: self.view.delivering)
    def deliver(self, run: Run, fails: bool) -> None:  # noqa: FBT001
        worker = self.worker(run.worker_id)
        if fails:
            assert worker.fail(run.fence, "delivery_failed")["outcome"] == "ok"
        else:
            self.hand_over(run)
