"""The project's user in front of the Supabase client, with the calls that an app makes."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from supabase import AsyncClient, AsyncClientOptions, create_async_client
from supabase_auth import AsyncMemoryStorage

from worker.smoke.advice import way_out
from worker.smoke.client import load_client
from worker.smoke.errors import SmokeError
from worker.smoke.project import Json, Project
from worker.smoke.session import Session

SESSION_KEY = "supabase.auth.token"
TIMEOUT = 30

app: Any = load_client()


@dataclass(frozen=True, slots=True)
class Visitor:
    email: str
    client: AsyncClient

    @contextmanager
    def step(self, name: str, **known: object) -> Iterator[None]:
        """Whatever is refused within is told with this step's name."""
        try:
            yield
        except app.JobError as error:
            details = error.details if isinstance(error.details, dict) else {}
            why = " ".join(part for part in (str(error), error.hint, f"({error.code})") if part)
            known = {"email": self.email, **details, **known}
            raise SmokeError(name, why, way_out(name, error.code, **known)) from None

    async def credits(self) -> Json:
        with self.step("credits"):
            call = self.client.rpc("get_credits", {})
            return dict((await app.answered(TIMEOUT, call.execute)).data)

    def hears(self) -> bool:
        """Realtime has let us in."""
        return any(channel.is_joined for channel in self.client.get_channels())


@asynccontextmanager
async def visiting(project: Project, session: Session, email: str) -> AsyncIterator[Visitor]:
    storage = AsyncMemoryStorage()
    await storage.set_item(SESSION_KEY, json.dumps(session.stored))
    # Named, and not left to the stored session: without it the client would be the service role.
    headers = {"Authorization": f"Bearer {session.access_token}"}
    options = AsyncClientOptions(storage=storage, headers=headers, auto_refresh_token=False)
    client = await create_async_client(project.url, project.key, options)
    try:
        yield Visitor(email, client)
    finally:
        await client.remove_all_channels()
