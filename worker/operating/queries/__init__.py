"""The SQL that operators' commands ask: one file a question, named values as `%(name)s`."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def query(name: str) -> bytes:
    return (FOLDER / f"{name}.sql").read_bytes()
