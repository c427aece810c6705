import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conformance.meshy.api import PATHS, Json, Meshy

ACCEPT = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Frame:
    fields: dict[str, str]

    @property
    def event(self) -> str:
        return self.fields["event"]

    @property
    def data(self) -> Json:
        data: Json = json.loads(self.fields["data"])
        return data


class Stream:
    """Server-sent events, read by the lines of the wire."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()

    def __iter__(self) -> Iterator[Frame]:
        fields: dict[str, str] = {}
        for line in self.lines:
            if line and not line.startswith(":"):
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif not line and fields:
                yield Frame(fields)
                fields = {}


@contextmanager
def stream(meshy: Meshy, resource: str, task_id: str, **options: Any) -> Iterator[Stream]:
    path = f"{PATHS[resource]}/{task_id}/stream"
    with meshy.http.stream("GET", path, headers=ACCEPT, **options) as response:
        yield Stream(response)
