"""The account book for people: a live table, or a line for each piece of news."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from worker.simulator.book import Book, BookedRequest, BookedTask

if TYPE_CHECKING:
    from worker.simulator.server import Simulator

FEWEST_LINES = 4
LINES_AROUND = 16  # what the panel shows besides tasks
LAST_FAULTS = 5
COLOURS = {
    "SUCCEEDED": "green",
    "success": "green",
    "FAILED": "red",
    "failed": "red",
    "EXPIRED": "red",
    "IN_PROGRESS": "cyan",
    "running": "cyan",
}


class News:
    """What was not told yet."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._requests: dict[str, int] = {}

    def since_last(self, simulator: "Simulator") -> list[str]:
        return [line for book in _books(simulator) for line in self._of(book)]

    def _of(self, book: Book) -> Iterator[str]:
        begin = self._requests.get(book.provider, 0)
        for request in book.requests[begin:]:
            if request.fault or (request.status or 0) >= 400:  # noqa: PLR2004 - HTTP's own border
                yield f"{_clock(request.at)} {book.provider} {_outcome(request)}"
        self._requests[book.provider] = len(book.requests)
        for task in book.tasks:
            if self._told.get(task.id) != task.status:
                self._told[task.id] = task.status
                yield f"{_clock(task.finished_at or task.created_at)} {book.provider} {_line(task)}"


def panel(simulator: "Simulator", height: int) -> RenderableType:
    books = _books(simulator)
    return Group(
        _accounts(simulator, books),
        _tasks(books, max(FEWEST_LINES, height - LINES_AROUND)),
        _faults(books),
    )


def _books(simulator: "Simulator") -> list[Book]:
    return [simulator.book(provider.name) for provider in simulator.providers]


def _accounts(simulator: "Simulator", books: list[Book]) -> Table:
    now = (
        f"{simulator.clock.now():%Y-%m-%d %H:%M:%S} UTC, {simulator.clock.speed:g} times real time"
    )
    table = Table(title=now, title_justify="left", box=None, pad_edge=False)
    for column in ("provider", "credits", "spent", "tasks", "at work", "requests", "a second"):
        table.add_column(column, justify="left" if column == "provider" else "right")
    table.add_column("connections", justify="right")
    table.add_column("downloads", justify="right")
    table.add_column("webhooks", justify="right")
    for book in books:
        table.add_row(*_account(book))
    return table


def _account(book: Book) -> list[str]:
    return [
        book.provider,
        f"{book.credits:g}",
        f"{book.credits_spent:g}",
        str(len(book.tasks)),
        f"{book.concurrent} (peak {book.peak_concurrent})",
        str(len(book.requests)),
        f"{book.requests_per_second} (peak {book.peak_requests_per_second})",
        str(book.open_connections),
        str(len(book.downloads)),
        str(len(book.webhook_deliveries)),
    ]


def _tasks(books: list[Book], most: int) -> Table:
    table = Table("since", "provider", "task", "kind", "status", box=None, pad_edge=False)
    table.add_column("credits", justify="right")
    every = [(task, book.provider) for book in books for task in book.tasks]
    for task, provider in sorted(every, key=lambda pair: pair[0].created_at)[-most:]:
        colour = COLOURS.get(task.status, "yellow")
        status = f"[{colour}]{task.status} {task.progress} %[/]"
        price = f"{task.credits_charged - task.credits_refunded:g}"
        table.add_row(_clock(task.created_at), provider, task.id, task.kind, status, price)
    return table


def _faults(books: list[Book]) -> Table:
    table = Table("fault", "provider", "request", "answer", box=None, pad_edge=False)
    done = [(request, book.provider) for book in books for request in book.requests]
    faults = [(request, provider) for request, provider in done if request.fault]
    for request, provider in sorted(faults, key=lambda pair: pair[0].at)[-LAST_FAULTS:]:
        answer = str(request.status or "none")
        asked = escape(f"{request.method} {request.path}")
        table.add_row(request.fault, provider, asked, answer)
    return table


def _line(task: BookedTask) -> str:
    price = task.credits_charged - task.credits_refunded
    return f"{task.kind} {task.id} {task.status}, {price:g} credits"


def _outcome(request: BookedRequest) -> str:
    answer = "no answer" if request.status is None else str(request.status)
    fault = f" ({request.fault})" if request.fault else ""
    return f"{request.method} {request.path} {answer}{fault}"


def _clock(when: datetime) -> str:
    return f"{when:%H:%M:%S}"
