"""The walk itself: project, user, session, credits, job, files, download, and what it cost."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from worker.smoke.advice import LOOK
from worker.smoke.errors import SmokeError
from worker.smoke.following import Say, follow
from worker.smoke.project import Json, Project
from worker.smoke.session import Session, sign_in, sign_out
from worker.smoke.visitor import Visitor, app, visiting

MAGIC = b"glTF"


@dataclass(frozen=True, slots=True)
class Wish:
    email: str
    prompt: str
    provider: str
    textured: bool
    output: Path
    minutes: float

    def request(self) -> Json:
        wanted: Json = {"provider": self.provider.upper()}
        return wanted if self.textured else {**wanted, "refine": False}


async def walk(say: Say, project: Project, wish: Wish) -> None:
    show(say, await project.post("project", "/rest/v1/rpc/get_public_settings", {}))
    session = await sign_in(project, wish.email)
    say("user", f"{wish.email} is {session.user_id}")
    say("session", "opened with the project's secret key; no e-mail was sent")
    try:
        await walk_as(say, project, session, wish)
    finally:
        await sign_out(project, session)


async def walk_as(say: Say, project: Project, session: Session, wish: Wish) -> None:
    async with visiting(project, session, wish.email) as visitor:
        before = await visitor.credits()
        say("credits", f"{before['available']} available, {before['reserved']} reserved")
        job = await order(say, visitor, wish)
        ended = await follow(say, visitor, job, wish.minutes)
        await take(say, visitor, ended, wish.output)
        tell_cost(say, ended, await visitor.credits())


def show(say: Say, settings: Json) -> None:
    for name, state in (settings.get("providers") or {}).items():
        ready = "ready" if state.get("configured") else "not configured: no worker has its key"
        say("provider", f"{name.title()}: {'paused' if state.get('paused') else ready}")


async def order(say: Say, visitor: Visitor, wish: Wish) -> Json:
    with visitor.step("job"):
        job: Json = await app.create_job(visitor.client, wish.prompt, **wish.request())
    stages = " → ".join(job["stages"])
    say("job", f"{job['id']}: {stages}; {job['credits_cost']} credits are reserved")
    return job


async def take(say: Say, visitor: Visitor, job: Json, output: Path) -> None:
    with visitor.step("files"):
        files: list[Json] = await app.signed_urls(visitor.client, job)
    for file in files:
        say("file", f"{file['role']}, {file['format']}, {file['bytes']:,} bytes")
    with visitor.step("download"):
        data: bytes = await app.download_model(visitor.client, model_among(files))
    if not data.startswith(MAGIC):
        raise SmokeError("download", f"{len(data):,} bytes came that are no GLB", LOOK)
    await asyncio.to_thread(keep, output, data)
    say("download", f"{output}, {len(data):,} bytes, by a signed link")


def model_among(files: list[Json]) -> Json:
    for file in files:
        if (file["role"], file["format"]) == ("model", "glb"):
            return file
    raise SmokeError("files", "the job has no GLB", LOOK)


def keep(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        advice = "The model lies in the project's Storage all the same; name another --output."
        raise SmokeError(
            "download", f"{output} can't be written ({error.strerror})", advice
        ) from None


def tell_cost(say: Say, job: Json, account: Json) -> None:
    paid = (job["result_payload"] or {}).get("provider_credits")
    theirs = "" if paid is None else f" and {float(paid):g} of {job['provider'].title()}'s"
    say("cost", f"{job['credits_cost']} credits of the user{theirs}; {account['available']} left")
