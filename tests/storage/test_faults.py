"""Whatever the network or the platform does, an object lies there whole or a put says why not."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.fast import FAST
from tests.storage.files import GLB, LARGE, MIB, content_of, new_file, new_key
from tests.support.project import token
from tests.support.storage_server import Answer, Cut, Delay, Expired, Fault, StorageServer
from tests.support.storage_server.faults import Operation
from worker.storage.outcome import (
    Missing,
    Put,
    Read,
    StorageFull,
    StorageRefused,
    StorageUnreachable,
)
from worker.storage.supabase import SupabaseStorage
from worker.storage.supabase.patience import Patience

pytestmark = pytest.mark.newest_postgres

SMALL = 300_000
PASSING = [
    Answer(429, "SlowDown", "slower"),
    Answer(500, "Internal", "Internal Server Error"),
    Answer(503, "", "<html>upstream</html>", wrapped=False),
    Answer(544, "DatabaseTimeout", "The connection to the database timed out"),
    Answer(423, "", "The resource is locked", wrapped=False),
]
FINAL = [
    Answer(402, "Payment Required", "exceed_storage_size_quota"),
    Answer(507, "", "", wrapped=False),
    Answer(413, "Payload too large", "The object exceeded the maximum allowed size"),
    Answer(403, "Unauthorized", "Invalid Compact JWS"),
]
DUPLICATE = Answer(409, "Duplicate", "The resource already exists")
TUS_GONE = Answer(410, "", "The file for this url has expired", wrapped=False)
TUS_CONFLICT = Answer(409, "", "Upload-Offset conflict", wrapped=False)

ANYWHERE: list[Fault | None] = [None, *Cut, *PASSING, *FINAL]
POSSIBLE: dict[Operation, list[Fault | None]] = {
    "upload": [*ANYWHERE, DUPLICATE],
    "create": [*ANYWHERE, DUPLICATE, Answer(404, "", "no such route", wrapped=False)],
    "append": [*ANYWHERE, TUS_GONE, TUS_CONFLICT, Expired()],
    "look": [None, Cut.BEFORE, Cut.AFTER, PASSING[1], TUS_GONE, Expired()],
    "info": [None, Cut.BEFORE, PASSING[1]],
}
scripts = st.fixed_dictionaries(
    {
        operation: st.lists(st.sampled_from(faults), max_size=5)
        for operation, faults in POSSIBLE.items()
    }
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(script=scripts, large=st.booleans())
async def test_one_whole_object_or_none(
    platform: StorageServer,
    supabase: SupabaseStorage,
    tmp_path: Path,
    script: dict[Operation, list[Fault | None]],
    *,
    large: bool,
) -> None:
    """Never a part of a file; `Put` is never said without the object; a later put heals."""
    key, size = new_key(), LARGE if large else SMALL
    file = new_file(tmp_path, size)
    platform.faults.clear()
    for operation, faults in script.items():
        platform.script(operation, *faults)
    outcome = await supabase.put("assets", key, file, GLB)
    assert isinstance(outcome, Put | StorageFull | StorageRefused | StorageUnreachable)
    there = platform.stored("assets").get(key)
    assert (
        there == content_of(size) if isinstance(outcome, Put) else there in (None, content_of(size))
    )
    platform.faults.clear()
    assert isinstance(await supabase.put("assets", key, file, GLB), Put)
    assert platform.stored("assets")[key] == content_of(size)
    await supabase.remove("assets", [key])


@pytest.mark.parametrize("fault", [*Cut, *PASSING], ids=str)
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_trouble_that_passes(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, fault: Fault, size: int
) -> None:
    """Twice in a row at each step costs no put."""
    key = new_key()
    for operation in ("upload", "create", "append", "look", "info"):
        platform.script(operation, fault, None, fault)
    assert isinstance(await supabase.put("assets", key, new_file(tmp_path, size), GLB), Put)
    assert platform.stored("assets")[key] == content_of(size)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_answer_that_was_lost(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, size: int
) -> None:
    """The object lies there: the next attempt knows it as its own and uploads nothing again."""
    platform.script(
        *(("upload", Cut.AFTER) if size == SMALL else ("append", None, None, Cut.AFTER))
    )
    key = new_key()
    put = await supabase.put("assets", key, new_file(tmp_path, size), GLB)
    assert put == Put(created=False)
    assert platform.faults.seen.count("append") == (0 if size == SMALL else 3)


async def test_a_cut_piece_is_continued(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """From where the server stands; what it has is not sent again."""
    platform.script("append", None, Cut.MIDWAY)
    platform.faults.midway = 5 * MIB
    put = await supabase.put("assets", new_key(), new_file(tmp_path, LARGE), GLB)
    assert put == Put(created=True)
    assert platform.faults.seen == ["create", "append", "append", "look", "append"]


async def test_an_address_that_expired(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """The upload begins anew."""
    key = new_key()
    platform.script("append", None, Expired())
    put = await supabase.put("assets", key, new_file(tmp_path, LARGE), GLB)
    assert put == Put(created=True)
    assert platform.faults.seen.count("create") == 2
    assert platform.stored("assets")[key] == content_of(LARGE)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_end_of_patience(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, size: int
) -> None:
    """After as many attempts as named, not more; a later call heals."""
    operation: Operation = "upload" if size == SMALL else "create"
    platform.script(operation, *[Cut.BEFORE] * FAST.attempts)
    key, file = new_key(), new_file(tmp_path, size)
    assert isinstance(await supabase.put("assets", key, file, GLB), StorageUnreachable)
    assert platform.faults.seen == [operation] * FAST.attempts
    assert await supabase.put("assets", key, file, GLB) == Put(created=True)


async def test_addresses_that_always_expire(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path
) -> None:
    """A piece that is taken again and again is no progress."""
    platform.script("append", *[None, TUS_GONE] * 50)
    outcome = await supabase.put("assets", new_key(), new_file(tmp_path, LARGE), GLB)
    assert isinstance(outcome, StorageUnreachable)
    assert platform.faults.seen.count("create") <= 2 * FAST.attempts


HASTY = replace(FAST, answer=0.2, connect=0.1, write=0.1)


@pytest.mark.parametrize("patience", [HASTY, replace(FAST, answer=0.2)])
async def test_a_server_that_is_silent(
    platform: StorageServer, tmp_path: Path, patience: Patience
) -> None:
    """Is given up in time, each time."""
    platform.faults.clear()
    storage = SupabaseStorage(platform.url, token("service_role"), patience)
    platform.script("upload", *[Delay(30)] * FAST.attempts)
    async with asyncio.timeout(20):
        outcome = await storage.put("assets", new_key(), new_file(tmp_path, SMALL), GLB)
    assert isinstance(outcome, StorageUnreachable)
    await storage.close()


async def test_nobody_listens(tmp_path: Path) -> None:
    """Every call ends with a value that says so."""
    storage = SupabaseStorage("http://127.0.0.1:9", token("service_role"), FAST)
    outcomes = [
        await storage.put("assets", "k", new_file(tmp_path, 10), GLB),
        await storage.put("assets", "k", new_file(tmp_path, LARGE), GLB),
        await storage.read_to("assets", "k", tmp_path / "read", 10),
        await storage.remove("assets", ["k"]),
        await storage.copy("assets", "k", "templates", "k"),
        await storage.sign("assets", "k", 60),
    ]
    await storage.close()
    assert {type(outcome) for outcome in outcomes} == {StorageUnreachable}


@pytest.mark.parametrize("fault", [Cut.BEFORE, Cut.AFTER, PASSING[1], PASSING[2]], ids=str)
async def test_other_calls_survive_trouble_too(
    platform: StorageServer, supabase: SupabaseStorage, tmp_path: Path, fault: Fault
) -> None:
    """Read, copy, sign, remove: each may be repeated."""
    key = new_key()
    await supabase.put("assets", key, new_file(tmp_path, SMALL), GLB)
    for operation in ("read", "copy", "sign", "remove", "info"):
        platform.script(operation, fault)
    assert await supabase.read_to("assets", key, tmp_path / "read", SMALL) == Read(SMALL)
    assert (tmp_path / "read").read_bytes() == content_of(SMALL)
    assert isinstance(await supabase.copy("assets", key, "templates", key), Put)
    assert isinstance(await supabase.sign("assets", key, 60), str)
    await supabase.remove("assets", [key])
    assert isinstance(await supabase.sign("assets", key, 60), Missing)
