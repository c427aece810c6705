"""A Supabase project as an app sees it: an address, keys, and the real `supabase` client."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import UUID

import httpx
import jwt
import pytest
from supabase import Client, ClientOptions, create_client

from tests.support.database import Database
from tests.support.gateway import gateway
from tests.support.postgrest import SECRET, PostgREST

ONE_HOUR = 3600
TIMEOUT = 30


@dataclass(frozen=True)
class Project:
    url: str
    db: Database
    _clients: ExitStack

    @property
    def anon_key(self) -> str:
        return token("anon")

    @property
    def service_key(self) -> str:
        return token("service_role")

    def anon(self) -> Client:
        return self._client(self.anon_key)

    def service(self) -> Client:
        return self._client(self.service_key)

    def user(self, user_id: UUID) -> Client:
        """A client after signing in."""
        client = self.anon()
        client.postgrest.auth(user_token(user_id))
        return client

    def _client(self, key: str) -> Client:
        http = self._clients.enter_context(httpx.Client(timeout=TIMEOUT))
        return create_client(self.url, key, ClientOptions(httpx_client=http))


@pytest.fixture
def project(db: Database, postgrest: PostgREST) -> Iterator[Project]:
    with gateway(postgrest.url) as front, ExitStack() as clients:
        yield Project(front.url, db, clients)


def user_token(user_id: UUID, **claims: object) -> str:
    return token("authenticated", sub=str(user_id), aud="authenticated", **claims)


def token(role: str, **claims: object) -> str:
    expiry = int(time.time()) + ONE_HOUR
    return jwt.encode({"role": role, "exp": expiry, **claims}, SECRET, algorithm="HS256")
