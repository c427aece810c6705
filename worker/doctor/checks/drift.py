"""Drift: what somebody changed by hand, against what the migrations make."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from worker.doctor.check import Check, Look
from worker.doctor.examined import Examined
from worker.doctor.expected import Catalog, Objects, fingerprint
from worker.doctor.finding import Finding, failing, ok, skipped, warning
from worker.schema.sources import installed_sources

MOST_NAMED = 4
OUR_SCHEMAS = ("meshqueue.", "procrastinate.")
FROM_FILES = ("functions", "triggers", "policies", "views")
APPLY_AGAIN = (
    "Put them back: `update meshqueue.function_files set checksum = 'apply again'`, then"
    " `meshqueue migrate`; it replaces all functions, triggers, policies and views at once."
)
UNDO = "No release did this: undo it by hand, or restore a backup's schema."
EXTRA = "No release made this: drop it, or see to it that it does no harm."
# What each line of the table is about. Tables' rows hold owner, row level security, persistence.
KINDS = {
    "tables": ("schemas", "tables", "types", "sequences"),
    "columns": ("columns",),
    "constraints and indexes": ("constraints", "indexes"),
    "functions": ("functions",),
    "triggers": ("triggers",),
    "policies": ("policies",),
    "views": ("views",),
}
ON_TABLE = re.compile(r" on (\S+)$")


@dataclass(frozen=True)
class Difference:
    kind: str
    name: str
    expected: str | None
    found: str | None

    @property
    def extra(self) -> bool:
        return self.expected is None

    def __str__(self) -> str:
        if self.extra:
            return f"extra: {self.name}"
        if self.found is None:
            return f"missing: {self.name}"
        shown = max(self.expected or "", self.found, key=len)
        told = f" (expected {self.expected}; found {self.found})" if " " in shown else ""
        return f"changed: {self.name}{told}"


async def manifest(examined: Examined) -> Finding:
    """Only in a checkout, whose SQL files were changed since expected.json was made from them."""
    if is_current(examined.expected):
        return ok(f"of this release, {examined.expected.made_from}")
    return warning(
        "expected.json is older than the SQL files, so that drift can't be told",
        "In a checkout: `make manifest`. In an installed release this can't happen: report it.",
    )


def is_current(expected: Catalog) -> bool:
    return expected.made_from == fingerprint(installed_sources())


def drifted(kinds: tuple[str, ...]) -> Look:
    async def look(examined: Examined) -> Finding:
        if not is_current(examined.expected):
            return skipped("needs manifest")
        expected, found = comparable(examined.expected, await examined.catalog.get())
        return told(list(differences(expected, found, kinds)), number(found, kinds))

    return look


def comparable(expected: Catalog, found: Catalog) -> tuple[Catalog, Catalog]:
    """Another procrastinate has another schema, which its own migrations made."""
    if expected.queue == found.queue:
        return expected, found
    return without_queue(expected), without_queue(found)


def without_queue(catalog: Catalog) -> Catalog:
    def ours(kinds: Mapping[str, Objects]) -> dict[str, Objects]:
        return {
            kind: {name: each for name, each in objects.items() if "procrastinate." not in name}
            for kind, objects in kinds.items()
        }

    return replace(catalog, objects=ours(catalog.objects), grants=ours(catalog.grants))


def number(found: Catalog, kinds: tuple[str, ...]) -> int:
    return sum(len(found.objects[kind]) for kind in kinds)


def told(different: list[Difference], of: int) -> Finding:
    if not different:
        return ok(f"all {of} as expected")
    wrong = [each for each in different if not each.extra]
    named = "; ".join(str(each) for each in (wrong or different)[:MOST_NAMED])
    what = f"{len(different)} differ: {named}"
    if not wrong:
        return warning(what, EXTRA)
    from_files = all(each.kind in FROM_FILES for each in wrong)
    return failing(what, APPLY_AGAIN if from_files else UNDO)


def differences(expected: Catalog, found: Catalog, kinds: tuple[str, ...]) -> Iterator[Difference]:
    ours, gone = relations(expected), relations(expected) - relations(found)
    for kind in kinds:
        here, wanted = found.objects[kind], expected.objects[kind]
        for name in sorted(here.keys() | wanted.keys()):
            if relation_of(kind, name) in gone:
                continue  # with its table or view, which is told
            if name not in wanted and not is_ours(kind, name, ours, wanted):
                continue
            if here.get(name) != wanted.get(name):
                yield Difference(kind, name, wanted.get(name), here.get(name))


def relations(catalog: Catalog) -> set[str]:
    return {*catalog.objects["tables"], *catalog.objects["views"]}


def relation_of(kind: str, name: str) -> str | None:
    if kind == "columns":
        return name.rpartition(".")[0]
    on = ON_TABLE.search(name)
    return on[1] if on else None


def is_ours(kind: str, name: str, relations: set[str], wanted: Objects) -> bool:
    """What an app keeps beside us in public is its own; what it puts on our tables is not."""
    if kind == "functions":
        same = {each.partition("(")[0] for each in wanted}
        return name.startswith(OUR_SCHEMAS) or name.partition("(")[0] in same
    relation = relation_of(kind, name)
    return name.startswith(OUR_SCHEMAS) if relation is None else relation in relations


async def grants(examined: Examined) -> Finding:
    """Of clients alone: what anon, authenticated, service_role and everybody may do."""
    if not is_current(examined.expected):
        return skipped("needs manifest")
    expected, found = comparable(examined.expected, await examined.catalog.get())
    different = [
        Difference(kind, name, wanted.get(name, "nothing"), here.get(name, "nothing"))
        for kind, objects in expected.objects.items()
        for wanted, here in [(expected.grants[kind], found.grants[kind])]
        for name in sorted(objects.keys() & found.objects[kind].keys())
        if wanted.get(name) != here.get(name)
    ]
    if not different:
        return ok("all as expected")
    named = "; ".join(
        f"{each.name} (expected {each.expected}, found {each.found})"
        for each in different[:MOST_NAMED]
    )
    return failing(f"{len(different)} differ: {named}", APPLY_AGAIN)


CHECKS = (
    Check("schema", "manifest", manifest),
    *(
        Check("schema", name, drifted(kinds), needs=("migrations",))
        for name, kinds in KINDS.items()
    ),
    Check("schema", "grants", grants, needs=("migrations",)),
)
