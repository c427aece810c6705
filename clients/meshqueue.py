# ruff: noqa: INP001 - it is copied into a package of the app's own
"""One file to copy into an app: generate a 3D model, watch its job, get the files.

Python >= 3.11. Needs nothing but the app's own asynchronous Supabase client, signed in.
"""

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import httpx
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError
from supabase import AsyncClient

T = TypeVar("T")
Row = dict[str, Any]
Image = bytes | str | Path | Mapping[str, Any]
Progress = Callable[[Row], object]

FIRST_PAUSE, SILENT_PAUSE, LIVE_PAUSE = 1.0, 10.0, 30.0
LOOK_TIMEOUT, CREATE_TIMEOUT, UPLOAD_TIMEOUT, DOWNLOAD_TIMEOUT = 15, 30, 120, 600
LEAVE_TIMEOUT = 5
HTTP_STATUS = re.compile("[1-5][0-9][0-9]")
REPEATS = 4
ENDED = ("SUCCEEDED", "FAILED", "CANCELED")
ARGUMENTS = ("client_task_id", "idempotency_key", "metadata")
# Postgres's own: connection lost, no resources, canceled or timed out, system or internal error.
PASSING = ("08", "53", "55", "57", "58", "XX", "PGRST00")

SENTENCES: dict[str, Callable[[Row], str]] = {
    "PT401": lambda _: "Please sign in first.",
    "42501": lambda _: "Please sign in first.",
    "PT402": lambda d: f"This costs {d['needed']} credits, and you have {d['available']}.",
    "PT429": lambda d: f"Too many requests. Please try again in {d['retry_after']} seconds.",
    "no_answer": lambda _: "No answer came. Please check the connection and try again.",
    "canceled": lambda _: "The job was canceled.",
}


class JobError(Exception):
    """Its text can be shown; code, details and hint are the server's; `job` if there is one."""

    def __init__(
        self, code: str, message: str | None = None, details: Any = None, hint: str | None = None
    ) -> None:
        self.code, self.details, self.hint = code, opened(details), hint
        self.job: Row | None = None
        self.idempotency_key: str | None = None
        self.attempt = 0
        sentence = SENTENCES.get(code)
        known = self.details if isinstance(self.details, dict) else {}
        super().__init__(sentence(known) if sentence else message or "Something went wrong.")

    @property
    def transient(self) -> bool:
        """The same again may help: nobody answered, or nobody could."""
        if self.code == "PT503":  # without a time, the provider is paused
            return isinstance(self.details, dict) and "retry_after" in self.details
        if HTTP_STATUS.fullmatch(self.code):
            return self.code == "408" or self.code >= "500"
        return self.code == "no_answer" or self.code.startswith(PASSING)


async def generate_model(
    supabase: AsyncClient,
    prompt: str | None = None,
    images: Sequence[Image] = (),
    on_progress: Progress | None = None,
    *,
    seconds: int = 3600,
    **request: Any,
) -> tuple[Row, list[Row]]:
    """From a prompt to the job and its files with signed URLs. Cancelling it stops no job."""
    job = await create_job(supabase, prompt, images, **request)
    try:
        job = await watch_job(supabase, job["id"], on_progress)
        return job, await signed_urls(supabase, succeeded(job), seconds)
    except JobError as error:
        error.job = job
        raise


async def create_job(
    supabase: AsyncClient,
    prompt: str | None = None,
    images: Sequence[Image] = (),
    **request: Any,
) -> Row:
    """The job's row; charged once, however often it had to be asked for.

    Images: bytes, a file's path, {"path"} or {"url"}; with an angle: {"data", "angle"}. Every other
    field of a request is a keyword. With an idempotency_key of your own it may be called again.
    """
    arguments = {"idempotency_key": str(uuid4())}
    arguments |= {name: request.pop(name) for name in ARGUMENTS if name in request}
    if prompt is not None:
        request["prompt"] = prompt
    uploaded: list[str] = []
    asked = False
    try:
        if images:
            owner = await signed_in(supabase)
            request["images"] = [await place(supabase, owner, i, uploaded) for i in images]
        asked = True
        call = {"request_payload": request, **arguments}
        (job,) = await rows(CREATE_TIMEOUT, supabase.rpc("create_ai_job_with_credits", call))
    except JobError as error:
        error.idempotency_key = arguments["idempotency_key"]
        # Refused at the first asking: no job needs the images. After a lost answer one may.
        if uploaded and not (asked and error.attempt):
            await remove(supabase, uploaded)
        raise
    return job


async def watch_job(
    supabase: AsyncClient, job_id: str | UUID, on_progress: Progress | None = None
) -> Row:
    """The job's row when it has ended, however; `on_progress(job)` whenever it has moved on."""
    watch = Watch(supabase, str(job_id), on_progress)
    try:
        return await watch.end()
    finally:
        if watch.line:
            await watch.line.leave(watch.hear)


async def cancel_job(supabase: AsyncClient, job_id: str | UUID) -> Row:
    """Stops the job and gives the reserved credits back."""
    call = supabase.rpc("cancel_ai_job", {"job_id": str(job_id)})
    (job,) = await rows(CREATE_TIMEOUT, call)
    return job


async def signed_urls(supabase: AsyncClient, job: Row, seconds: int = 3600) -> list[Row]:
    """The job's files, each with a `url` that needs no header and lives for so long."""
    query = supabase.table("asset_files").select("*").eq("job_id", job["id"]).order("id")
    files = await rows(LOOK_TIMEOUT, query)
    if not files:  # not stored: the provider's own URLs; stored, and gone since: nothing
        told = (job["result_payload"] or {}).get("files", [])
        files = [file for file in told if "url" in file]
    return [{**file, "url": await url_of(supabase, file, seconds)} for file in files]


async def download_model(supabase: AsyncClient, file: Row) -> bytes:
    """The bytes of one of the files."""
    url = await url_of(supabase, file, 3600)
    async with httpx.AsyncClient(timeout=LOOK_TIMEOUT, follow_redirects=True) as http:
        return (await insist(DOWNLOAD_TIMEOUT, lambda: fetched(http, url))).content


class Watch:
    def __init__(
        self, supabase: AsyncClient, job_id: str, on_progress: Progress | None = None
    ) -> None:
        self.line: Line | None = None
        self._supabase, self._job_id, self._on_progress = supabase, job_id, on_progress
        self._job: Row = {}
        self._news: asyncio.Queue[Row] = asyncio.Queue()
        self._pause = FIRST_PAUSE

    def hear(self, message: Row) -> None:
        if message.get("job_id", self._job_id) == self._job_id:
            self._news.put_nowait(message)

    async def end(self) -> Row:
        while True:
            row = await look(self._supabase, self._job_id)
            if row:
                self._show(row)
                if row["status"] in ENDED:
                    return row
                if self.line is None or self.line.closed:
                    self.line = tune_in(self._supabase, f"user:{row['user_id']}", self.hear)
            await self._until_due()

    async def _until_due(self) -> None:
        """Returns when it is time for the next look."""
        while (message := await self._next()) and message["event"] == "progress":
            self._show({"stage": message["stage"], "progress": message["progress"]})
        # Messages may be missing at first and get lost at any time: after each join, looks are
        # frequent, then rarer.
        if message is None:
            longest = LIVE_PAUSE if self.line and self.line.live else SILENT_PAUSE
            self._pause = min(2 * self._pause, longest)
        elif message["event"] == "line":
            self._pause = FIRST_PAUSE

    async def _next(self) -> Row | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause * random.uniform(0.75, 1.25)):  # noqa: S311
                return await self._news.get()
        return None

    def _show(self, news: Row) -> None:
        before, job = self._job, {**self._job, **news}
        job["progress"] = max(before.get("progress", 0), news["progress"])
        self._job = job
        moved = any(before.get(field) != job[field] for field in ("status", "stage", "progress"))
        if moved and self._on_progress:
            self._on_progress(job)


def succeeded(job: Row) -> Row:
    if job["status"] != "SUCCEEDED":
        raise JobError(job["error_code"] or job["status"].lower(), job["error_message"])
    return job


async def fetched(http: httpx.AsyncClient, url: str) -> httpx.Response:
    answer = await http.get(url)
    if not answer.is_success:
        code = str(answer.status_code)
        raise JobError(code, f"The file's server answered {code}.")
    return answer


async def url_of(supabase: AsyncClient, file: Row, seconds: int) -> str:
    if not file.get("path"):
        return str(file["url"])
    bucket = supabase.storage.from_(file["bucket"])
    signed = await insist(LOOK_TIMEOUT, lambda: bucket.create_signed_url(file["path"], seconds))
    return str(signed["signedURL"])


async def signed_in(supabase: AsyncClient) -> str:
    session = await answered(LOOK_TIMEOUT, supabase.auth.get_session)
    if session is None:
        raise JobError("PT401")
    return session.user.id


async def place(supabase: AsyncClient, owner: str, image: Image, uploaded: list[str]) -> Row:
    """The image as a request names it: uploaded, where it is not yet on the web."""
    named = dict(image) if isinstance(image, Mapping) else {"data": image}
    if "data" not in named:
        return named
    data = named.pop("data")
    data = data if isinstance(data, bytes) else await asyncio.to_thread(Path(data).read_bytes)
    kind = kind_of(data)
    path = f"{owner}/{uuid4()}.{kind}"
    uploaded.append(path)
    inputs = supabase.storage.from_("inputs")
    try:
        options: Any = {"content-type": f"image/{kind}"}
        await insist(UPLOAD_TIMEOUT, lambda: inputs.upload(path, data, options))
    except JobError as error:
        if not (error.code == "409" and error.attempt):  # lies there: only the answer was lost
            raise
    return {**named, "path": path}


async def remove(supabase: AsyncClient, paths: list[str]) -> None:
    inputs = supabase.storage.from_("inputs")
    with suppress(JobError):
        await answered(LOOK_TIMEOUT, lambda: inputs.remove(paths))


def kind_of(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "png"
    if data.startswith(b"\xff\xd8"):
        return "jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    raise JobError("PT400", "An image must be a PNG, JPEG or WebP.", "images")


async def look(supabase: AsyncClient, job_id: str | UUID) -> Row | None:
    """The row, or nothing where nobody answered: the next look will tell."""
    query = supabase.table("ai_jobs").select("*").eq("id", str(job_id))
    try:
        found: Any = (await answered(LOOK_TIMEOUT, query.execute)).data
    except JobError as error:
        if not error.transient:
            raise
        return None
    if not found:
        raise JobError("PT404", "There is no such job.", "job_id")
    return dict(found[0])


# One channel for all watchers of a client: joining a topic a second time would end the first.
lines: WeakKeyDictionary[AsyncClient, dict[str, "Line"]] = WeakKeyDictionary()


def tune_in(supabase: AsyncClient, topic: str, hear: Callable[[Row], None]) -> "Line | None":
    open_lines = lines.setdefault(supabase, {})
    line = open_lines.get(topic)
    if line is None or line.closed:
        if any(channel.topic == f"realtime:{topic}" for channel in supabase.get_channels()):
            return None  # the app's own
        line = open_lines[topic] = Line(supabase, topic)
    line.hearers.append(hear)
    return line


class Line:
    def __init__(self, supabase: AsyncClient, topic: str) -> None:
        self.hearers: list[Callable[[Row], None]] = []
        self.live = self.closed = False
        self._supabase = supabase
        private: Any = {"config": {"private": True}}
        self._channel = supabase.channel(topic, private)
        self._joining = asyncio.create_task(self._join())

    async def _join(self) -> None:
        try:
            session = await self._supabase.auth.get_session()
            if session is not None:
                await self._supabase.realtime.set_auth(session.access_token)
            for event in ("job", "progress"):
                self._channel.on_broadcast(event, self._broadcast)
            await self._channel.subscribe(lambda status, _: self._turned(status))
        except Exception:  # noqa: BLE001 - without Realtime, looks alone tell
            await self._close()

    def _broadcast(self, message: Any) -> None:
        self._tell({**message["payload"], "event": message["event"]})

    def _turned(self, status: str) -> None:
        changed, self.live = status == "SUBSCRIBED" or self.live, status == "SUBSCRIBED"
        self.closed = self.closed or status == "CLOSED"
        if changed:
            self._tell({"event": "line"})

    def _tell(self, message: Row) -> None:
        for hear in tuple(self.hearers):
            hear(message)

    async def leave(self, hear: Callable[[Row], None]) -> None:
        self.hearers.remove(hear)
        if not self.hearers and not self.closed:
            self._joining.cancel()
            await self._close()

    async def _close(self) -> None:
        self.closed = True
        if not self._channel.is_joined:  # nothing to say goodbye to
            self._channel.join_push.destroy()
            self._channel.rejoin_timer.reset()
            self._supabase.realtime.channels.pop(self._channel.topic, None)
        with suppress(Exception):
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await self._supabase.remove_channel(self._channel)


def opened(details: Any) -> Any:
    if isinstance(details, str) and details.startswith("{"):
        with suppress(ValueError):
            return json.loads(details)
    return details


async def rows(limit: float, query: Any) -> list[Row]:
    return list((await insist(limit, query.execute)).data)


async def insist(limit: float, send: Callable[[], Awaitable[T]]) -> T:
    attempt = 0
    while True:
        try:
            return await answered(limit, send)
        except JobError as error:
            error.attempt = attempt
            if attempt == REPEATS or not error.transient:
                raise
            asked = error.details.get("retry_after") if isinstance(error.details, dict) else None
        await asyncio.sleep(0.5 * 2**attempt if asked is None else asked)
        attempt += 1


async def answered(limit: float, send: Callable[[], Awaitable[T]]) -> T:
    try:
        async with asyncio.timeout(limit):
            return await send()
    except (TimeoutError, httpx.TransportError) as error:
        raise JobError("no_answer") from error
    except APIError as error:
        code = error.code or "500"
        raise JobError(code, error.message, error.details, error.hint) from error
    except StorageApiError as error:
        raise JobError(str(error.status), error.message) from error
