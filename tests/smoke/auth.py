"""Supabase Auth on loopback, as much of it as makes a session without a password."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.support.database import Database
from tests.support.postgrest import SECRET
from tests.support.project import ONE_HOUR, user_token

PREFIX = "/auth/v1"
Json = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - it is the API's answer, not an error of ours
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse({"code": status, "error_code": code, "msg": message}, status)


@dataclass
class Auth:
    db: Database
    links: dict[str, UUID] = field(default_factory=dict)
    sessions: dict[str, UUID] = field(default_factory=dict)
    worded: dict[str, Response] = field(default_factory=dict)
    """Answers that take the place of a path's own."""

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix(PREFIX)
        if path in self.worded:
            return self.worded[path]
        calls = {"/admin/generate_link": self.link, "/verify": self.verify, "/logout": self.leave}
        try:
            return await calls[path](request)
        except Refusal as refusal:
            return refusal.answer

    async def link(self, request: Request) -> Response:
        """No mail is sent, and only "recovery" makes no user where there is none."""
        if claims_of(request)["role"] != "service_role":
            raise Refusal(403, "not_admin", "User not allowed")
        said = await request.json()
        assert said["type"] == "recovery"
        user = self.user_called(said["email"])
        token_hash = secrets.token_hex(28)
        self.links[token_hash] = user
        return JSONResponse({"id": str(user), "hashed_token": token_hash, "email_otp": "123456"})

    async def verify(self, request: Request) -> Response:
        """A link opens one session, once."""
        said = await request.json()
        user = self.links.pop(said["token_hash"], None)
        if user is None or said["type"] != "recovery":
            raise Refusal(403, "otp_expired", "Email link is invalid or has expired")
        token = user_token(user, session_id=secrets.token_hex(8))
        self.sessions[token] = user
        return JSONResponse(session_json(user, token))

    async def leave(self, request: Request) -> Response:
        assert request.query_params["scope"] == "local"
        self.sessions.pop(token_of(request))
        return Response(status_code=204)

    def user_called(self, email: str) -> UUID:
        found = self.db.admin.values("select id from auth.users where email = %s", email)
        if not found:
            raise Refusal(404, "user_not_found", "User with this email not found")
        return UUID(str(found[0]))


def session_json(user: UUID, token: str) -> Json:
    return {
        "access_token": token,
        "refresh_token": "r",
        "expires_in": ONE_HOUR,
        "token_type": "bearer",
        "user": {
            "id": str(user),
            "aud": "authenticated",
            "app_metadata": {},
            "user_metadata": {},
            "created_at": "2026-01-01T00:00:00Z",
        },
    }


def token_of(request: Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def claims_of(request: Request) -> Json:
    try:
        claims: Json = jwt.decode(
            token_of(request), SECRET, algorithms=["HS256"], options={"verify_aud": False}
        )
    except jwt.PyJWTError:
        raise Refusal(401, "bad_jwt", "invalid JWT: unable to parse or verify signature") from None
    return claims
