"""`meshqueue smoke`."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from worker.local.showing import say
from worker.logs import set_up_logs
from worker.settings import Settings, load_settings
from worker.smoke.project import project_of
from worker.smoke.walk import Wish, walk


def smoke(
    email: Annotated[str, typer.Argument(help="A user of the project; the job is theirs.")],
    prompt: Annotated[str, typer.Option(help="What to make.")] = "a small brass key",
    provider: Annotated[str, typer.Option(help="meshy or tripo.")] = "meshy",
    textured: Annotated[
        bool, typer.Option("--textured", help="With textures: the stage REFINE as well.")
    ] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help="The GLB to write.")] = Path(
        "smoke.glb"
    ),
    minutes: Annotated[float, typer.Option(help="Cancel the job if it takes longer.")] = 30.0,
) -> None:
    """Make one model through the hosted API, as that user, and show each step.

    Needs SUPABASE_URL and the project's secret key; the worker runs elsewhere. The model is real:
    it costs the user's credits and the provider's. Ctrl-C cancels the job and gives them back.
    """
    set_up_logs(level=logging.ERROR)
    console = Console(highlight=False, soft_wrap=True)
    wish = Wish(email, prompt, provider, textured, output, minutes)
    asyncio.run(walk_through(load_settings(), console, wish))


async def walk_through(settings: Settings, console: Console, wish: Wish) -> None:
    async with project_of(settings) as project:
        await walk(lambda what, text: say(console, what, text), project, wish)
