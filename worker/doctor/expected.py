"""What the catalog should hold, and what it holds.

expected.json is made from the migrations (`make manifest`). It names the files that it was made
from, so that one which is older than them is not believed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from worker.doctor.aside import aside
from worker.doctor.link import options
from worker.doctor.patience import STATEMENT
from worker.schema.snapshot import Snapshot, snapshot
from worker.schema.sources import Sources, installed_sources

FILE = Path(__file__).with_name("expected.json")
GRANTS = re.compile(r" ?\bgrants((?: \S*=\S*/\S+)*)(?= comment\b|$)", re.DOTALL)
CLIENTS = ("", "anon", "authenticated", "service_role")  # "": PUBLIC, everybody
SHORT = 120  # what is longer is told by its hash alone
FOREIGN_TABLE = re.compile(r" on (auth|storage|realtime)\.")
OUR_PREFIX = "meshqueue_"  # of what we put on the platform's tables
POSITION = re.compile(r"^\d+ ")

Objects = Mapping[str, str]


@dataclass(frozen=True)
class Catalog:
    """By kind and name: what it is, and what clients may do with it."""

    made_from: str
    queue: str = ""
    """The version of procrastinate whose schema it is; empty where a part of it is held back."""
    objects: Mapping[str, Objects] = field(default_factory=dict)
    grants: Mapping[str, Objects] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(vars(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_expected(file: Path = FILE) -> Catalog:
    return Catalog(**json.loads(file.read_text(encoding="utf-8")))


async def read_catalog(url: str) -> Catalog:
    return await aside(read_catalog_now, url)


def read_catalog_now(url: str) -> Catalog:
    with psycopg.connect(url, **options("doctor schema")) as connection:
        connection.execute(f"set statement_timeout = '{STATEMENT}'".encode())
        return catalog_of(snapshot(connection), queue_version(connection))


def queue_version(connection: psycopg.Connection[Any]) -> str:
    held = "select from meshqueue.procrastinate_migrations where applied_at is null"
    return "" if connection.execute(held).rowcount else installed_sources().queue.version


def catalog_of(everything: Snapshot, queue: str) -> Catalog:
    found = {kind: without_the_platforms(objects) for kind, objects in everything.items()}
    return Catalog(
        fingerprint(installed_sources()),
        queue,
        {kind: {name: essence(kind, text) for name, text in found[kind].items()} for kind in found},
        {kind: granted(found[kind]) for kind in found},
    )


def without_the_platforms(objects: Objects) -> Objects:
    """Each project has triggers and policies on auth and storage that its platform made."""
    return {
        name: text
        for name, text in objects.items()
        if not FOREIGN_TABLE.search(name) or name.startswith(OUR_PREFIX)
    }


def fingerprint(sources: Sources) -> str:
    """Of all SQL files of the release."""
    files = [*(migration.file for migration in sources.migrations), *sources.functions]
    told = [(file.path, file.checksum) for file in files]
    return sha256(json.dumps(told).encode()).hexdigest()[:16]


def essence(kind: str, text: str) -> str:
    """Without what differs between versions of Postgres though nobody changed it."""
    text = GRANTS.sub("", text)
    match kind:
        case "columns":
            text = POSITION.sub("", text)
        case "views":
            text = text.rpartition(";")[2]  # each version prints a query in its own way
    text = " ".join(text.split())
    return text if len(text) <= SHORT else sha256(text.encode()).hexdigest()[:16]


def granted(objects: Objects) -> Objects:
    told = {name: client_grants(text) for name, text in objects.items()}
    return {name: grants for name, grants in told.items() if grants}


def client_grants(text: str) -> str:
    """`m`, maintain, exists from PostgreSQL 17 on and lets nobody read or write."""
    found = GRANTS.search(text)
    entries = (entry.partition("=") for entry in found[1].split()) if found else ()
    return " ".join(
        f"{grantee or 'everybody'}={rights.partition('/')[0].replace('m', '')}"
        for grantee, _, rights in entries
        if grantee in CLIENTS
    )
