"""Function files: taken out and put back, in one transaction, whenever one of them changes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.schema.sqlfile import SqlFile
from worker.schema.step import RELOAD_API, Statement, Step, call, quoted

# The order of the files then does not matter to what their bodies call.
BODIES_UNCHECKED = Statement("set local check_function_bodies = off;")


@dataclass(frozen=True)
class Changes:
    forget: tuple[str, ...]
    apply: tuple[SqlFile, ...]

    def __bool__(self) -> bool:
        return bool(self.forget or self.apply)


def stale_paths(files: Iterable[SqlFile], recorded: Mapping[str, str]) -> list[str]:
    wanted = {file.path: file.checksum for file in files}
    return sorted(path for path, checksum in recorded.items() if wanted.get(path) != checksum)


def changes(
    files: Iterable[SqlFile], recorded: Mapping[str, str], forget: Iterable[str]
) -> Changes:
    forgotten = set(forget)
    return Changes(
        forget=tuple(sorted(forgotten)),
        apply=tuple(f for f in files if f.path in forgotten or f.path not in recorded),
    )


def apply_functions(change: Changes) -> Step:
    applied = [file.path for file in change.apply]
    dropped = [path for path in change.forget if path not in applied]
    return Step(
        f"functions: {counted(len(applied))}",
        (
            BODIES_UNCHECKED,
            call("forget_files", list(change.forget)),
            *(statement for file in change.apply for statement in apply_file(file)),
            call("refuse_overloads"),
            RELOAD_API,
        ),
        details=(*applied, *(f"{path} (gone: what it made is dropped)" for path in dropped)),
    )


def apply_file(file: SqlFile) -> tuple[Statement, Statement, Statement]:
    return (
        call("before_file"),
        Statement(file.text, source=f"sql/functions/{file.path}"),
        call("remember_file", file.path, file.checksum),
    )


def apply_functions_if_stale(files: Iterable[SqlFile]) -> Step:
    """For a bundle, which can't ask the database before it is written."""
    wanted = list(files)
    manifest = json.dumps({file.path: file.checksum for file in wanted})
    return Step(
        f"functions: what changed of {len(wanted)} files",
        (
            BODIES_UNCHECKED,
            Statement(
                f"select meshqueue.forget_files(meshqueue.stale_files({quoted(manifest)}::jsonb));"
            ),
            *(apply_file_if_forgotten(file) for file in wanted),
            call("refuse_overloads"),
            RELOAD_API,
        ),
    )


def apply_file_if_forgotten(file: SqlFile) -> Statement:
    before, text, remember = (f"    execute {quoted(s.text)};" for s in apply_file(file))
    body = f"""
begin
  if not exists (select from meshqueue.function_files where path = {quoted(file.path)}) then
{before}
{text}
{remember}
  end if;
end
"""
    return Statement(f"do {quoted(body)};", source=f"sql/functions/{file.path}")


def counted(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"
