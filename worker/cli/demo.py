"""`meshqueue demo`."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from worker.local.place import Place, local_place, worker_beside
from worker.local.showing import say, show_work, table_of
from worker.local.taking import check_output, take_files
from worker.local.user import RefusedError, Row, User, connected, grant, sign_up
from worker.logs import set_up_logs
from worker.settings import load_settings

REQUEST: Row = {
    "prompt": "cyberpunk katana",
    "art_style": "realistic",
    "refine": {"enable_pbr": True},
    "remesh": {"enabled": True, "target_polycount": 3500, "target_formats": ["fbx"]},
}
TITLE = "Cyberpunk Katana"
GRANTED = 100


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The GLB to write; other formats lie beside it.")
    ] = Path("katana.glb"),
) -> None:
    """Show the main job on this machine, with no account anywhere.

    Starts a Postgres in a folder, the providers' simulator and a worker, then does what an app's
    user would: create a job and get its model, repeat a call, get one wrong, cancel a job.
    """
    set_up_logs(level=logging.ERROR)
    check_output(output)
    console = Console(highlight=False, soft_wrap=True)
    # Whatever keys are set: a demo pays nobody.
    settings = load_settings().model_copy(update={"meshy_api_key": None, "tripo_api_key": None})
    with local_place(settings) as place:
        version, home = place.server.version, place.server.home
        say(console, "Postgres", f"{version} runs in {home}")
        say(
            console,
            "providers",
            "simulated, a hundred times as fast as the real ones; nothing is paid",
        )
        asyncio.run(show(console, place, output))


async def show(console: Console, place: Place, output: Path) -> None:
    url, visitor = place.server.url, uuid4()
    with connected(url()) as operator, connected(url("authenticator")) as api:
        sign_up(operator, visitor)
        grant(operator, visitor, GRANTED, "demo")
        user = User(api, visitor)
        try:
            show_account(console, user, f"a user signs up and is granted {GRANTED} credits")
            async with worker_beside(place.plan):
                await show_model(console, place, user, output)
                await show_cancel(console, user)
        finally:
            forget(operator, visitor)


def forget(operator: psycopg.Connection[Row], visitor: UUID) -> None:
    operator.execute("delete from auth.users where id = %s", [visitor])


async def show_model(console: Console, place: Place, user: User, output: Path) -> None:
    job = user.create(REQUEST, TITLE, "demo")
    say(console, "create_ai_job", describe(job))
    show_account(console, user, f"{job['credits_cost']} credits are reserved, none is spent")
    show_repeat(console, user, job)
    show_refusal(console, user)
    row = await show_work(console, user, job["id"])
    say(console, "job", f"{row['status']}; its user heard of each step:")
    console.print(history(user.seen(job["id"])))
    console.print(table_of(row, take_files(place, user, row, output)))
    show_account(console, user, "the model is there: now the credits are spent")


def show_repeat(console: Console, user: User, job: Row) -> None:
    again = user.create(REQUEST, TITLE, "demo")
    same = "the same job" if again["id"] == job["id"] else f"another job ({again['id']})"
    say(console, "once more", f"same idempotency key, {same}: nothing is charged twice")


def show_refusal(console: Console, user: User) -> None:
    wrong = {**REQUEST, "remesh": {"target_polycount": 5}}
    try:
        user.create(wrong, TITLE)
    except RefusedError as refusal:
        say(console, "a mistake", str(refusal))


async def show_cancel(console: Console, user: User) -> None:
    job = user.create(REQUEST, TITLE)
    say(console, "another job", describe(job))
    canceled = user.cancel(job["id"])
    say(console, "cancel_ai_job", f"job {str(job['id'])[:8]} is {canceled['status']}")
    show_account(console, user, "what it had reserved is free again")


def show_account(console: Console, user: User, why: str) -> None:
    account = user.credits()
    numbers = ", ".join(f"{name} {account[name]}" for name in ("balance", "reserved", "available"))
    say(console, "credits", f"{numbers}: {why}")


def history(seen: Row) -> Table:
    table = Table(title="what the app saw (ai_job_events, pushed by Realtime)")
    for column in ("time", "status", "stage"):
        table.add_column(column)
    for event in seen["events"]:
        table.add_row(event["created_at"][11:23], event["status"], event["stage"])
    return table


def describe(job: Row) -> str:
    stages = job["stages"].strip("{}").split(",")
    return f"job {str(job['id'])[:8]} is {job['status']}: {' → '.join(stages)}"
