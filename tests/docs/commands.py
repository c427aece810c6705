"""Shell snippets, word by word: which command, with which arguments."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from tests.docs.pages import Block
from tests.support.cache import CHECKOUT
from worker.cli import QUICK
from worker.cli._app import build_app

SEPARATORS = frozenset({";", "&&", "||", "|"})
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


def commands_in(block: Block) -> Iterator[list[str]]:
    """Each simple command's words, without redirections and leading assignments."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
        words.whitespace_split = True
        yield from simple_commands(list(words))


def simple_commands(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in [*words, ";"]:
        if word in SEPARATORS:
            if command := bare(command):
                yield command
            command = []
        else:
            command.append(word)


def bare(command: list[str]) -> list[str]:
    if ">" in command:
        command = command[: command.index(">")]
    while command and ASSIGNMENT.fullmatch(command[0]):
        command = command[1:]
    return command


@cache
def root() -> Any:
    return get_command(build_app())


def parse(words: list[str]) -> None:
    """As the command itself would, up to where it would begin to work."""
    if words[0] in QUICK:
        import_module(f"worker.cli.{words[0]}").parser().parse_args(words[1:])
    elif words != ["--version"]:
        parse_below(root(), None, "meshqueue", words)


def parse_below(command: Any, above: Any, name: str, words: list[str]) -> None:
    if not isinstance(command, TyperGroup) or by_itself(command, words):
        command.make_context(name, words, parent=above)
        return
    context = command.make_context(name, [], parent=above, resilient_parsing=True)
    below, *rest = words or [""]
    found = command.get_command(context, below)
    assert found is not None, f"there is no command {below!r} below {name}"
    parse_below(found, context, below, rest)


def by_itself(command: TyperGroup, words: list[str]) -> bool:
    """A command with others below it that does something without them: `jobs --limit 5`."""
    return command.invoke_without_command and (not words or words[0].startswith("-"))


@cache
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
