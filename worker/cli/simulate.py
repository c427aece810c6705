"""`meshqueue simulate`."""

import signal
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.live import Live

from worker.errors import MeshqueueError
from worker.simulator import Rule, Simulator
from worker.simulator.panel import News, panel
from worker.simulator.script import rule_of

DEFAULT_PORT = 8787
TEXTURE_SIZE = 1024
LOOKS_PER_SECOND = 4

HOW = """\
Both providers listen on this machine alone; nothing here costs money.

  Meshy   {meshy}
          export MESHY_API_KEY={meshy_key}
  Tripo   {tripo}
          export TRIPO_API_KEY={tripo_key}

Give a client these addresses in place of https://api.meshy.ai and https://openapi.tripo3d.ai:

  curl {meshy}/openapi/v2/text-to-3d \\
    -H "Authorization: Bearer {meshy_key}" -H "Content-Type: application/json" \\
    -d '{{"mode": "preview", "prompt": "cyberpunk katana", "target_formats": ["glb"]}}'
  curl {meshy}/openapi/v2/text-to-3d -H "Authorization: Bearer {meshy_key}"

  curl {tripo}/v3/generation/text-to-model \\
    -H "Authorization: Bearer {tripo_key}" -H "Content-Type: application/json" \\
    -d '{{"prompt": "cyberpunk katana", "model": "v3.0-20250812"}}'
  curl {tripo}/v3/account/usage -H "Authorization: Bearer {tripo_key}"

Steer it while it runs:

  curl {control}/book
  curl {control}/clock -d '{{"advance": 600}}'
  curl {control}/rules -d '{{"fault": "answer_dropped", "operation": "create"}}'
  curl {control}/rules -X DELETE
"""


def simulate(
    port: int = typer.Option(
        DEFAULT_PORT, min=0, max=65_535, help="On 127.0.0.1; 0 takes any free one."
    ),
    speed: float = typer.Option(1.0, help="Simulated seconds a second; 0 stands still."),
    seed: int = typer.Option(1, help="The same seed draws the same keys, waits and chances."),
    script: Path | None = typer.Option(None, help="Faults: a TOML file of `rule` tables."),
    live: bool = typer.Option(True, help="Keep the account book on the screen, or print lines."),
) -> None:
    """Stand in for Meshy and Tripo on this machine, and make them fail on demand.

    Point any client at the addresses that it prints. Ctrl-C ends it.
    """
    console = Console(highlight=False, soft_wrap=True)
    rules = read_script(script) if script else []
    with ended_by_signals(), Simulator(seed, speed, port, TEXTURE_SIZE) as simulator:
        simulator.script(*rules)
        console.print(how_to_use(simulator), markup=False)
        watch = show_book if live and console.is_terminal else print_news
        try:
            watch(console, simulator)
        except KeyboardInterrupt:
            console.print("The simulator has stopped.")


def read_script(path: Path) -> list[Rule]:
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("rule", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MeshqueueError(f"The script {path} can't be read: {error}") from None
    if not isinstance(tables, list) or not tables:
        raise MeshqueueError(f"The script {path} has no [[rule]] table.")
    return [rule_of(table) for table in tables]


def how_to_use(simulator: Simulator) -> str:
    return HOW.format(
        meshy=simulator.meshy.url,
        tripo=simulator.tripo.url,
        meshy_key=simulator.meshy.key,
        tripo_key=simulator.tripo.key,
        control=simulator.control_url,
    )


def show_book(console: Console, simulator: Simulator) -> None:
    with Live(console=console, auto_refresh=False, screen=False) as live:
        for _ in looks():
            live.update(panel(simulator, console.height), refresh=True)


def print_news(console: Console, simulator: Simulator) -> None:
    news = News()
    for _ in looks():
        for line in news.since_last(simulator):
            console.print(line, markup=False)
            console.file.flush()


def looks() -> Iterator[None]:
    while True:
        yield
        time.sleep(1 / LOOKS_PER_SECOND)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does."""
    before: Callable[[int, FrameType | None], object] | int | None
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
