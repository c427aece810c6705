"""The project that smoke walks through: its address, its secret key, and plain calls to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from worker.errors import SettingsError
from worker.settings import Settings
from worker.smoke.advice import way_out
from worker.smoke.errors import SmokeError
from worker.storage.supabase.connection import Connection

TIMEOUT = httpx.Timeout(30, connect=10)
LONGEST_SAID = 300

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    url: str
    key: str
    http: httpx.AsyncClient
    """As the service role."""

    def __repr__(self) -> str:
        return f"Project({self.url})"

    async def post(self, step: str, path: str, body: Json) -> Json:
        """The answer's JSON, or the fault with its step."""
        try:
            answer = await self.http.post(self.url + path, json=body)
        except httpx.TransportError as error:
            why = f"no answer from {self.url} ({str(error) or type(error).__name__})"
            raise SmokeError(step, why, way_out(step, "no_answer")) from None
        said = read(answer)
        if not answer.is_success:
            code = code_of(said, answer.status_code)
            raise SmokeError(step, words_of(said, answer), way_out(step, code))
        return said


@asynccontextmanager
async def project_of(settings: Settings) -> AsyncIterator[Project]:
    url, secret = settings.supabase_url, settings.supabase_service_role_key
    if url is None or secret is None:
        missing = "SUPABASE_URL" if url is None else "SUPABASE_SERVICE_ROLE_KEY"
        raise SettingsError(
            f"{missing} is not set. smoke makes a model through a Supabase project's API: it needs "
            "the project's URL and its secret key (dashboard: Settings, API keys). "
            "On this machine alone, use `meshqueue make`."
        )
    key = secret.get_secret_value().strip()
    connection = Connection(url, key, TIMEOUT)
    async with connection.http:
        yield Project(connection.project, key, connection.http)


def read(answer: httpx.Response) -> Json:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def code_of(said: Json, status: int) -> str:
    """Auth has told its code under both names, and as a number."""
    names = (said.get("error_code"), said.get("code"))
    return next((name for name in names if isinstance(name, str)), str(status))


def words_of(said: Json, answer: httpx.Response) -> str:
    names = ("msg", "message", "error_description", "error")
    words = next((str(said[name]) for name in names if said.get(name)), "an answer without a word")
    return f"{words[:LONGEST_SAID]} (HTTP {answer.status_code})"
