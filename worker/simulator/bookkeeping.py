"""A provider's book, as it stands now."""

from datetime import UTC, datetime

from worker.simulator.book import Book, BookedTask
from worker.simulator.provider import Provider
from worker.simulator.task import Task


def book_of(provider: Provider, open_connections: int) -> Book:
    provider.clock.run_due()
    ledger, account = provider.ledger, provider.account
    return Book(
        provider=provider.name,
        tasks=tuple(_task(provider, task) for task in provider.tasks.values()),
        requests=tuple(ledger.requests),
        downloads=tuple(ledger.downloads),
        webhook_deliveries=tuple(ledger.deliveries),
        credits=account.credits,
        credits_spent=account.charged - account.refunded,
        concurrent=len(provider.unfinished()),
        peak_concurrent=ledger.peak_concurrent,
        requests_per_second=ledger.requests_in_second(provider.clock.pace()),
        peak_requests_per_second=ledger.peak_requests,
        open_connections=open_connections,
    )


def _task(provider: Provider, task: Task) -> BookedTask:
    now = provider.clock.seconds()
    moment = task.at(now)
    return BookedTask(
        id=task.id,
        resource=task.resource,
        kind=task.kind,
        body=task.body,
        key=task.key,
        status=provider.status_word(moment.phase),
        progress=moment.progress,
        credits_charged=task.price,
        credits_refunded=task.refunded,
        created_at=datetime.fromtimestamp(task.plan.created, UTC),
        started_at=_past(task.plan.started, now),
        finished_at=_past(task.plan.finished, now),
        answer_delivered=task.answer_delivered,
        deleted=task.deleted,
    )


def _past(when: float, now: float) -> datetime | None:
    return datetime.fromtimestamp(when, UTC) if when <= now else None
