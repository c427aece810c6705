"""A session of a user whose password nobody knows, made and ended with the project's secret key.

Read tolerantly: only the hosted platform could prove how each of its releases words its answers.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import httpx

from worker.smoke.advice import LOOK
from worker.smoke.errors import SmokeError
from worker.smoke.project import Json, Project

# "magiclink" would make a user where there is none. Neither sends an e-mail.
LINK = "recovery"
ONE_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Session:
    user_id: UUID
    access_token: str
    stored: Json
    """As a Supabase client keeps it."""

    def __repr__(self) -> str:
        return f"Session({self.user_id})"


async def sign_in(project: Project, email: str) -> Session:
    token_hash = await link_for(project, email)
    body = {"type": LINK, "token_hash": token_hash}
    said = await project.post("session", "/auth/v1/verify", body)
    stored = said if "access_token" in said else part(said, "session")
    user = part(stored, "user") or part(said, "user")
    try:
        return Session(UUID(str(user["id"])), str(stored["access_token"]), kept(stored, user))
    except (KeyError, ValueError):
        raise SmokeError("session", "Auth opened none that can be understood", LOOK) from None


async def link_for(project: Project, email: str) -> str:
    """The hash that opens a session, once."""
    body = {"type": LINK, "email": email}
    said = await project.post("user", "/auth/v1/admin/generate_link", body)
    token_hash = said.get("hashed_token") or part(said, "properties").get("hashed_token")
    if not token_hash:
        raise SmokeError("user", "Auth answered without a hashed_token", LOOK)
    return str(token_hash)


async def sign_out(project: Project, session: Session) -> None:
    """Of this sign-in alone. Where it fails, the session is left unused."""
    headers = {"authorization": f"Bearer {session.access_token}"}
    with suppress(httpx.TransportError):
        await project.http.post(f"{project.url}/auth/v1/logout?scope=local", headers=headers)


def kept(stored: Json, user: Json) -> Json:
    seconds = int(stored.get("expires_in") or ONE_HOUR)
    defaults = {"expires_in": seconds, "token_type": "bearer", "refresh_token": ""}
    return {**defaults, "expires_at": int(time.time()) + seconds, **stored, "user": user}


def part(said: Json, name: str) -> Json:
    found = said.get(name)
    return found if isinstance(found, dict) else {}
