"""What others wrote, as Postgres can hold it: models and providers put anything in texts."""

import re
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


def jsonb(value: Any) -> Jsonb:
    return Jsonb(writable(value))


def writable(value: Any) -> Any:
    match value:
        case str():
            return _UNWRITABLE.sub("", value)
        case Mapping():
            return {writable(name): writable(each) for name, each in value.items()}
        case list() | tuple():
            return [writable(each) for each in value]
        case _:
            return value
