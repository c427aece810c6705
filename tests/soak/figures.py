"""How long things took, as both sides' books say."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.load import cut
from tests.soak.audit import Sides
from tests.soak.crew import Death

SHARES = (0.50, 0.95, 0.99)


def overheads(sides: Sides) -> list[float]:
    """Of each job that succeeded: its time with a slot, less what the provider worked."""
    worked = {
        task.id: (task.finished_at - task.created_at).total_seconds()
        for book in sides.books
        for task in book.tasks
        if task.finished_at
    }
    query = """
        select extract(epoch from sum(r.ended_at - r.created_at))::float as seconds,
          array(select s.task_id from meshqueue.submissions s join meshqueue.runs o on o.id = s.run_id
            where o.job_id = j.id and s.task_id is not null) as tasks
        from public.ai_jobs j join meshqueue.runs r on r.job_id = j.id
        where j.status = 'SUCCEEDED' group by j.id
    """  # noqa: E501 - a statement
    return [
        max(0.0, row["seconds"] - sum(worked.get(task, 0.0) for task in row["tasks"]))
        for row in sides.session.rows(query)
    ]


def percentiles(values: list[float]) -> tuple[float, ...]:
    return tuple(cut(values, share) for share in SHARES) if values else ()


@dataclass(frozen=True)
class Rescues:
    """Of what killed workers held: how long until another had it, or it was over."""

    seconds: tuple[float, ...]

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)


def rescues(sides: Sides, deaths: Sequence[Death]) -> Rescues:
    """What was held is what the last handover before the death says."""
    query = """
        select extract(epoch from least(r.ended_at, (
            select min(n.at) from meshqueue.handovers n
            where n.run = h.run and n.at > %(at)s and n.worker <> %(worker)s)) - %(at)s)::float
        from (
          select distinct on (run) run, worker from meshqueue.handovers where at <= %(at)s
          order by run, at desc
        ) h
        join meshqueue.runs r on r.id = h.run
        where h.worker = %(worker)s and (r.ended_at is null or r.ended_at > %(at)s)
    """
    seconds = [
        value
        for death in deaths
        if death.by == "SIGKILL" and death.worker
        for value in sides.session.values(query, at=death.at, worker=death.worker)
        if value is not None
    ]
    return Rescues(tuple(seconds))
