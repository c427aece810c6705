"""The same for programs: stable keys, decimals as numbers, times in ISO 8601."""

from decimal import Decimal
from typing import Any

import orjson

from worker.cli._text.tables import show

# A dataclass says itself what it shows.
OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATACLASS


def show_json(value: Any) -> None:
    show(orjson.dumps(value, default=plain, option=OPTIONS).decode())


def plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if hasattr(value, "to_dict"):
        return value.to_dict()
    raise TypeError(type(value).__name__)
