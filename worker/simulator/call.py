"""One request on its way through a simulated provider."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp

from worker.simulator.book import BookedRequest
from worker.simulator.fault import Fault, Operation
from worker.simulator.script import Rule
from worker.simulator.task import Task


class Refusal(Exception):  # noqa: N818 - the provider's answer, not an error of ours
    """The provider says no; each provider gives it its own form."""

    def __init__(
        self,
        status: int,
        message: str,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})


class Endpoint:
    def __init__(  # noqa: PLR0913 - a line of the routes' tables
        self,
        method: str,
        path: str,
        operation: Operation,
        resource: str | None,
        handler: "Handler",
        *,
        public: bool = False,
    ) -> None:
        self.method = method
        self.operation = operation
        self.resource = resource
        self.handler = handler
        self.public = public
        """Opens without a key."""
        self._pattern, _, self._converters = compile_path(path)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        found = self._pattern.match(path) if method == self.method else None
        return None if found is None else found.groupdict()


@dataclass(slots=True)
class Call:
    request: Request
    endpoint: Endpoint
    params: Mapping[str, str]
    booked: BookedRequest
    path: str
    """Below the provider's own address."""
    rule: Rule | None = None
    key: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer carries besides."""
    created: Task | None = None

    @property
    def fault(self) -> Fault | None:
        return self.rule.fault if self.rule else None

    @property
    def options(self) -> Mapping[str, Any]:
        return self.rule.options if self.rule else {}

    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Call], Awaitable[ASGIApp]]
