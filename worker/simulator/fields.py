"""Checking a request's body against a table of its fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class InvalidField(Exception):  # noqa: N818 - the provider's answer, not an error of ours
    pass


@dataclass(frozen=True, slots=True)
class Field:
    kinds: tuple[type, ...]
    required: bool = False
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    longest: int | None = None
    items: "Field | None" = None
    fewest: int = 0

    def check(self, name: str, value: Any) -> None:
        if not self._fits(value):
            raise InvalidField(f"{name} must be {' or '.join(map(_kind_name, self.kinds))}")
        if self.choices and value not in self.choices:
            raise InvalidField(f"{name} must be one of {', '.join(map(str, self.choices))}")
        self._check_range(name, value)
        self._check_length(name, value)

    def _fits(self, value: Any) -> bool:
        if isinstance(value, bool):  # which Python takes for an int
            return bool in self.kinds
        return isinstance(value, self.kinds)

    def _check_range(self, name: str, value: Any) -> None:
        if not isinstance(value, int | float):
            return
        if self.low is not None and value < self.low:
            raise InvalidField(f"{name} must be at least {self.low:g}")
        if self.high is not None and value > self.high:
            raise InvalidField(f"{name} must be at most {self.high:g}")

    def _check_length(self, name: str, value: Any) -> None:
        if not isinstance(value, str | list):
            return
        if self.longest is not None and len(value) > self.longest:
            raise InvalidField(f"{name} must be at most {self.longest} long")
        if len(value) < self.fewest:
            raise InvalidField(f"{name} must not be empty")
        if self.items is not None and isinstance(value, list):
            for position, item in enumerate(value):
                self.items.check(f"{name}[{position}]", item)


def flag() -> Field:
    return Field((bool,))


def text(longest: int | None = None, *, required: bool = False) -> Field:
    return Field((str,), required=required, longest=longest, fewest=1 if required else 0)


def choice(*choices: Any, required: bool = False) -> Field:
    return Field((type(choices[0]),), required=required, choices=choices)


def whole(low: float | None = None, high: float | None = None) -> Field:
    return Field((int,), low=low, high=high)


def number(low: float | None = None, high: float | None = None) -> Field:
    return Field((int, float), low=low, high=high)


def several(items: Field, fewest: int = 1, most: int | None = None) -> Field:
    return Field((list,), items=items, fewest=fewest, longest=most)


def check(body: Mapping[str, Any], fields: Mapping[str, Field]) -> None:
    """Null counts as left out. Fields that the table does not know are the caller's matter."""
    for name, field in fields.items():
        value = body.get(name)
        if value is not None:
            field.check(name, value)
        elif field.required:
            raise InvalidField(f"{name} is required")


def _kind_name(kind: type) -> str:
    names = {str: "a string", int: "an integer", bool: "a boolean", float: "a number"}
    return names.get(kind, "an array" if kind is list else "an object")
