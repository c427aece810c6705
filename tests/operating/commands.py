"""The commands as an operator types them, in this process: what was printed, and the exit code."""

from dataclasses import dataclass
from typing import Any

import orjson
from typer.testing import CliRunner

from worker.cli._app import build_app


@dataclass(frozen=True)
class Answer:
    code: int
    text: str
    error: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Commands:
    def __call__(self, *arguments: str, answer: str | None = None) -> Answer:
        found = CliRunner().invoke(build_app(), arguments, input=answer)
        failure = found.exception
        error = "" if failure is None or isinstance(failure, SystemExit) else str(failure)
        return Answer(found.exit_code, found.stdout, error + found.stderr)

    def json(self, *arguments: str, code: int = 0) -> Any:
        answer = self(*arguments, "--json")
        assert answer.code == code, answer.error
        return orjson.loads(answer.text)
