"""Which fault happens to which request: rules, tried in order, with the seed's chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, get_args

from worker.simulator.errors import SimulatorError
from worker.simulator.fault import (
    OPERATIONS,
    PROVIDERS,
    Fault,
    Operation,
    ProviderName,
    operations_of,
    usual_operations_of,
)


@dataclass(frozen=True, slots=True)
class Rule:
    fault: Fault
    provider: ProviderName | None = None
    operation: Operation | None = None
    resource: str | None = None
    times: int | None = 1
    after: int = 0
    chance: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _one_of("provider", self.provider, PROVIDERS)
        _one_of("operation", self.operation, OPERATIONS)
        _check_numbers(self)
        if not any(self._operations(provider) for provider in self._providers()):
            raise SimulatorError(_does_not_apply(self))

    def covers(self, provider: ProviderName, operation: Operation, resource: str | None) -> bool:
        return (
            provider in self._providers()
            and operation in self._operations(provider)
            and self.resource in (None, resource)
        )

    def seconds(self, default: float) -> float:
        return float(self.options.get("seconds", default))

    def _providers(self) -> tuple[ProviderName, ...]:
        return (self.provider,) if self.provider else PROVIDERS

    def _operations(self, provider: ProviderName) -> frozenset[Operation]:
        if self.operation is None:
            return usual_operations_of(self.fault, provider)
        return operations_of(self.fault, provider) & {self.operation}


@dataclass(slots=True)
class Counted:
    rule: Rule
    seen: int = 0
    done: int = 0

    def fires(self, chance: Random) -> bool:
        if self.rule.times is not None and self.done >= self.rule.times:
            return False
        self.seen += 1
        if self.seen <= self.rule.after or chance.random() >= self.rule.chance:
            return False
        self.done += 1
        return True


class Script:
    def __init__(self, seed: int) -> None:
        self._chance = Random(f"{seed}:chance")  # noqa: S311 - repeatable on purpose
        self._entries: list[Counted] = []

    @property
    def entries(self) -> tuple[Counted, ...]:
        return tuple(self._entries)

    def add(self, *rules: Rule) -> None:
        self._entries += map(Counted, rules)

    def clear(self) -> None:
        self._entries.clear()

    def match(
        self,
        provider: ProviderName,
        operation: Operation,
        resource: str | None,
        among: frozenset[Fault] | None = None,
    ) -> Rule | None:
        for entry in self._entries:
            if among is not None and entry.rule.fault not in among:
                continue
            if entry.rule.covers(provider, operation, resource) and entry.fires(self._chance):
                return entry.rule
        return None


def rule_of(table: Mapping[str, Any]) -> Rule:
    """A rule as written in TOML or JSON."""
    unknown = set(table) - set(Rule.__dataclass_fields__)
    if unknown or "fault" not in table:
        raise SimulatorError(
            f"A rule is {{fault, provider, operation, resource, times, after, chance, options}};"
            f" this one has {sorted(table)}."
        )
    return Rule(**{**table, "fault": _fault(table["fault"])})


def rule_table(rule: Rule) -> dict[str, Any]:
    table = {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
    return table | {"options": dict(rule.options)}


def _fault(name: object) -> Fault:
    try:
        return Fault(str(name).lower())
    except ValueError:
        raise SimulatorError(
            f"There is no fault {name!r}; there are: {', '.join(Fault)}."
        ) from None


def _one_of(field_name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise SimulatorError(f"{field_name} {value!r} is none of {', '.join(choices)}.")


def _check_numbers(rule: Rule) -> None:
    if rule.times is not None and rule.times < 1:
        raise SimulatorError(f"times must be 1 or more, or None for ever, not {rule.times}.")
    if rule.after < 0 or not 0 <= rule.chance <= 1:
        raise SimulatorError("after must be 0 or more, and chance between 0 and 1.")


def _does_not_apply(rule: Rule) -> str:
    possible = {
        provider: sorted(operations_of(rule.fault, provider)) for provider in get_args(ProviderName)
    }
    return (
        f"{rule.fault.name} can't happen to operation {rule.operation or 'any'} of"
        f" {rule.provider or 'any provider'}; it can happen to {possible}."
    )
