"""Plain HTTP to a project, where the status of the answer is what counts."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.support.project import Project, user_token

TIMEOUT = 30


@dataclass(frozen=True)
class Rest:
    project: Project
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def rpc(self, name: str, **arguments: Any) -> httpx.Response:
        return self.send("POST", f"rpc/{name}", json=arguments)

    def insert(self, table: str, rows: Any) -> httpx.Response:
        return self.send("POST", table, json=rows)

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"apikey": self.project.anon_key, **self.headers}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        url = f"{self.project.url}/rest/v1/{path}"
        return httpx.request(method, url, headers=headers, timeout=TIMEOUT, **content)


def as_user(project: Project, user_id: UUID) -> Rest:
    return Rest(project, user_token(user_id))


def as_anon(project: Project) -> Rest:
    return Rest(project)


def as_server(project: Project) -> Rest:
    return Rest(project, project.service_key)
