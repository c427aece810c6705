"""`meshqueue make`."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer
from rich.console import Console

from worker.errors import MeshqueueError, SettingsError
from worker.local.place import Place, local_place, stay_while, worker_where_none_is
from worker.local.showing import say, show_work, table_of
from worker.local.taking import check_output, take_files
from worker.local.user import Row, User, connected, grant, served, sign_up, works_on
from worker.logs import set_up_logs
from worker.providers import PROVIDERS
from worker.settings import load_settings

# One person works here; whose credits count nothing.
LOCAL_USER = UUID("00000000-0000-4000-8000-00000000c0de")
PLENTY = 1_000_000
ANGLES = ("front", "left", "back", "right", "top", "bottom")


class NotMadeError(MeshqueueError):
    """The job ended without a model; the text says why."""


def make(
    prompt: Annotated[str, typer.Argument(help="What to make.")] = "",
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The GLB to write; other formats lie beside it.")
    ] = Path("model.glb"),
    provider: Annotated[str, typer.Option(help="meshy or tripo.")] = "meshy",
    image: Annotated[
        list[str] | None, typer.Option(help="An image, or ANGLE=image; up to four.")
    ] = None,
    polycount: Annotated[int | None, typer.Option(help="Triangles, 100 to 300000.")] = None,
    format: Annotated[  # noqa: A002 - the option's name
        list[str] | None, typer.Option(help="A further format: fbx, obj, usdz, stl, 3mf.")
    ] = None,
    refine: Annotated[bool, typer.Option(help="Textures.")] = True,
    pbr: Annotated[bool, typer.Option(help="Metallic, roughness and normal maps too.")] = False,
) -> None:
    """Make one model on this machine: the whole pipeline, files in a folder, no account.

    A provider whose key is set (MESHY_API_KEY, TRIPO_API_KEY) is used and paid; else the simulator.
    """
    set_up_logs(level=logging.ERROR)
    console = Console(highlight=False, soft_wrap=True)
    if provider.upper() not in PROVIDERS:
        known = " or ".join(PROVIDERS).lower()
        raise SettingsError(f"--provider {provider}: there is none of this name; say {known}.")
    check_output(output)
    request = request_of(prompt, provider, polycount, format or [], refine=refine, pbr=pbr)
    with local_place(load_settings()) as place:
        request["images"] = [put_image(place, text) for text in image or []]
        asyncio.run(make_one(console, place, request, output))


def request_of(
    prompt: str,
    provider: str,
    polycount: int | None,
    formats: list[str],
    *,
    refine: bool,
    pbr: bool,
) -> dict[str, Any]:
    remesh: dict[str, Any] = {"enabled": polycount is not None or bool(formats)}
    if polycount is not None:
        remesh["target_polycount"] = polycount
    if formats:
        remesh["target_formats"] = formats
    request: dict[str, Any] = {
        "provider": provider.upper(),
        "refine": {"enable_pbr": pbr} if refine else False,
        "remesh": remesh,
    }
    return {**request, "prompt": prompt} if prompt else request


def say_who(console: Console, place: Place, provider: str, *, lives: bool) -> None:
    if lives:
        text = "by the worker that runs already, with the key or the simulator that it started with"
    elif provider in place.supplied.simulated:
        text = f"simulated, because {provider}_API_KEY is not set; nothing is paid"
    else:
        text = f"the real one; it takes credits of the account of {provider}_API_KEY"
    say(console, provider.title(), text)


def put_image(place: Place, text: str) -> Row:
    angle, separator, name = text.partition("=")
    if not separator or angle not in ANGLES:
        angle, name = "", text
    source = Path(name)
    if not source.is_file():
        raise NotMadeError(f"--image {text}: there is no file {name}.")
    key = f"{LOCAL_USER}/{uuid4()}{source.suffix}"
    place.storage.keep("inputs", key, source)
    return {"path": key, "angle": angle} if angle else {"path": key}


async def make_one(console: Console, place: Place, request: Row, output: Path) -> None:
    request = {name: value for name, value in request.items() if value != []}
    url = place.server.url
    with connected(url()) as operator, connected(url("authenticator")) as api:
        sign_up(operator, LOCAL_USER)
        grant(operator, LOCAL_USER, PLENTY, "local")
        user = User(api, LOCAL_USER)
        provider = request["provider"]
        is_served = partial(served, operator, provider)
        lives = is_served()
        say_who(console, place, provider, lives=lives)
        async with worker_where_none_is(place.plan, is_served):
            job = user.create(request, request.get("prompt", "")[:100] or "model")
            row = await show_work(console, user, job["id"])
            if row["status"] == "SUCCEEDED":
                console.print(table_of(row, take_files(place, user, row, output)))
            if provider in place.supplied.simulated and not lives:
                await let_others_end(console, partial(works_on, operator, provider))
        if row["status"] != "SUCCEEDED":
            raise NotMadeError(f"{row['error_message'] or row['status']} ({row['error_code']})")


async def let_others_end(console: Console, works: Callable[[], bool]) -> None:
    if works():
        console.print("Another job has tasks in this simulator: it is given a minute to end.")
        await stay_while(works)
