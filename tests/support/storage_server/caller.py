"""Who asks: the role and the claims of a JWT, or of a key that the gateway exchanges for one."""

from dataclasses import dataclass, field
from typing import Any

import jwt
from starlette.requests import Request

from tests.support.postgrest import SECRET
from tests.support.storage_server.refusal import Refusal, bad_token

SECRET_KEY = "sb_secret_of_the_tests"


@dataclass(frozen=True)
class Caller:
    role: str
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        return self.claims.get("sub")


SUPERUSER = Caller("service_role")


def caller_of(request: Request) -> Caller:
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not token:
        raise Refusal(400, "Error", "headers must have required property 'authorization'")
    if token == SECRET_KEY:
        return SUPERUSER
    claims = opened(token)
    return Caller(str(claims["role"]), claims)


def opened(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token, SECRET, algorithms=["HS256"], options={"verify_aud": False}
        )
    except jwt.ExpiredSignatureError:
        raise bad_token('"exp" claim timestamp check failed') from None
    except jwt.InvalidSignatureError:
        raise Refusal(403, "Unauthorized", "signature verification failed") from None
    except jwt.PyJWTError:
        raise Refusal(403, "Unauthorized", "Invalid Compact JWS") from None
    return claims
