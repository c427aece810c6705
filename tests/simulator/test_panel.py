from io import StringIO

import httpx
from rich.console import Console

from tests.simulator.asking import TEXT_TO_3D, create, generate
from worker.simulator import Fault, Rule, Simulator
from worker.simulator.panel import News, panel


def drawn(simulator: Simulator) -> str:
    console = Console(file=StringIO(), width=140, height=40)
    console.print(panel(simulator, console.height))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_the_panel_shows_both_books(
    simulator: Simulator, meshy: httpx.Client, tripo: httpx.Client
) -> None:
    """Tasks with their state and price, credits and rates, and the faults that were done."""
    tasks = [create(meshy), generate(tripo)]
    simulator.script(Rule(Fault.ANSWER_5XX, operation="list"))
    meshy.get(TEXT_TO_3D)
    text = drawn(simulator)
    assert all(task in text for task in tasks)
    for shown in ("9980", "PENDING 0 %", "queued 0 %", "text_to_model", "answer_5xx", "500"):
        assert shown in text


def test_news_is_told_once(simulator: Simulator, meshy: httpx.Client) -> None:
    """A line for each change of a task's status, and none when nothing has changed."""
    news = News()
    task = create(meshy)
    assert [line.split()[2:5] for line in news.since_last(simulator)] == [
        ["text-to-3d-preview", task, "PENDING,"]
    ]
    assert news.since_last(simulator) == []
    simulator.settle(task, "failed")
    (line,) = news.since_last(simulator)
    assert "FAILED, 0 credits" in line
