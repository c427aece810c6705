"""An app that has copied the client file: its user, and a project behind one address."""

import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
from PIL import Image
from supabase import AsyncClient, AsyncClientOptions, create_async_client
from supabase_auth import AsyncMemoryStorage

from tests.clients.front import Front
from tests.delivery.house import House
from tests.support.project import ONE_HOUR, token, user_token

CLIENTS = Path(__file__).parents[2] / "clients"
TIMEOUT = 30
SESSION_KEY = "supabase.auth.token"


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG")
    return file.getvalue()


PNG = picture()


def client_file() -> ModuleType:
    """As an app imports its copy."""
    spec = importlib.util.spec_from_file_location("meshqueue", CLIENTS / "meshqueue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class App:
    house: House
    front: Front

    @asynccontextmanager
    async def client(self, user_id: UUID | None = None) -> AsyncIterator[AsyncClient]:
        """One that finds the session of the app's last start, if there was a user."""
        storage = AsyncMemoryStorage()
        if user_id is not None:
            await storage.set_item(SESSION_KEY, json.dumps(session_of(user_id)))
        async with httpx.AsyncClient(timeout=TIMEOUT) as http:
            options = AsyncClientOptions(
                storage=storage, httpx_client=http, auto_refresh_token=False
            )
            client = await create_async_client(self.front.url, token("anon"), options)
            try:
                yield client
            finally:
                await client.remove_all_channels()


def session_of(user_id: UUID) -> dict[str, Any]:
    access_token = user_token(user_id)
    user = {
        "id": str(user_id),
        "aud": "authenticated",
        "app_metadata": {},
        "user_metadata": {},
        "created_at": "2026-01-01T00:00:00Z",
    }
    return {
        "access_token": access_token,
        "refresh_token": "r",
        "expires_in": ONE_HOUR,
        "expires_at": 4_000_000_000,
        "token_type": "bearer",
        "user": user,
    }
