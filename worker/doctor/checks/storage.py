"""Whether models can be stored and read again, and how much lies there."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from worker.daemon.start import local_storage
from worker.doctor.check import Check
from worker.doctor.checks.reach import HOSTED, POOLER_HOST, place_of
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, counted, failing, ok, warning
from worker.doctor.names import families_of
from worker.storage.outcome import Put, Read, Removed
from worker.storage.protocol import Storage
from worker.storage.supabase import SupabaseStorage
from worker.storage.supabase.patience import Patience

HURRIED = Patience(connect=3, write=3, answer=5, attempts=1)
PROBE = b"meshqueue doctor was here, and takes this file away again.\n"
TO_AND_FRO = 6.0  # s; of a check's ten the rest is for removing
MEANWHILE = "Finished models can't be delivered meanwhile; they wait, and nothing is lost."
GIGABYTE = 1_000_000_000
NEARLY = 0.8


async def given(examined: Examined) -> Finding:
    if examined.local:
        return ok(f"the folder {examined.settings.local_storage}")
    url, key = examined.settings.supabase_url, examined.settings.supabase_service_role_key
    missing = {"SUPABASE_URL": url, "SUPABASE_SERVICE_ROLE_KEY": key}
    if absent := [name for name, value in missing.items() if value is None]:
        return failing(
            f"{' and '.join(absent)} not set: models can't be stored, and `run` refuses to start",
            "Both stand in the dashboard under Settings, API; the key is the secret one.",
        )
    if key is not None and key.get_secret_value().startswith("sb_publishable_"):
        return failing(
            "SUPABASE_SERVICE_ROLE_KEY holds the publishable key, which may store nothing",
            "Set the secret one (sb_secret_… or service_role; dashboard: Settings, API keys).",
        )
    theirs, ours = project_of_url(str(url)), project_of_database(examined.url)
    if theirs and ours and theirs != ours:
        return failing(
            f"SUPABASE_URL is of the project {theirs}, DATABASE_URL of {ours}",
            "Both must be of one project: apps would look for models where none are stored.",
        )
    return ok(str(url))


def project_of_url(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return host.removesuffix(HOSTED) if host.endswith(HOSTED) else ""  # else a domain of its own


def project_of_database(url: str) -> str:
    """As the pooler's user says it, or the host of a direct connection."""
    try:
        host, _ = place_of(url)
        user = str(conninfo_to_dict(url).get("user") or "")
    except ProgrammingError:  # another check tells
        return ""
    if host.endswith(POOLER_HOST):
        return user.partition(".")[2]
    return host.removeprefix("db.").removesuffix(HOSTED) if host.endswith(HOSTED) else ""


async def round_trip(examined: Examined) -> Finding:
    """What is written must come back, and must be gone when it was removed."""
    host = urlsplit(str(examined.settings.supabase_url)).hostname
    if host and not examined.local:
        await families_of(host)
    storage = open_storage(examined)
    try:
        with tempfile.TemporaryDirectory(prefix="meshqueue-doctor-") as folder:
            return await probe(storage, examined, Path(folder))
    finally:
        await storage.close()


def open_storage(examined: Examined) -> Storage:
    if examined.local:
        return local_storage(examined.settings, served=False)
    settings = examined.settings
    assert settings.supabase_url and settings.supabase_service_role_key  # noqa: S101, PT018 - `given` saw to it
    key = settings.supabase_service_role_key.get_secret_value()
    return SupabaseStorage(settings.supabase_url, key, HURRIED)


async def probe(storage: Storage, examined: Examined, folder: Path) -> Finding:
    """Whatever became of it, the probe is taken away: time is kept for that."""
    bucket, key = examined.settings.generated_assets_bucket_name, f"doctor/{uuid4()}.txt"
    try:
        async with asyncio.timeout(TO_AND_FRO):
            wrong = await write_and_read(storage, bucket, key, folder)
    except TimeoutError:
        wrong = failing(f"the bucket {bucket} does not answer in time", MEANWHILE)
    gone = await storage.remove(bucket, [key])
    if wrong:
        return wrong
    if not isinstance(gone, Removed) or key not in gone.keys:
        return refused(f"remove {key} from", bucket, gone)
    return ok(f"written to {bucket}, read, removed")


async def write_and_read(storage: Storage, bucket: str, key: str, folder: Path) -> Finding | None:
    written, read = folder / "written", folder / "read"
    written.write_bytes(PROBE)
    put = await storage.put(bucket, key, written, "text/plain")
    if not isinstance(put, Put):
        return refused("write to", bucket, put)
    got = await storage.read_to(bucket, key, read, len(PROBE))
    if not isinstance(got, Read):
        return refused("read from", bucket, got)
    if read.read_bytes() != PROBE:
        what = f"the bucket {bucket} gives back other bytes than were written"
        return failing(what, "Look at what stands between: a proxy or a cache.")
    return None


def refused(act: str, bucket: str, outcome: Any) -> Finding:
    why = getattr(outcome, "why", "it still lies there")
    return failing(f"can't {act} the bucket {bucket}: {why}", MEANWHILE)


async def used(examined: Examined) -> Finding:
    query = "stored_locally" if examined.local else "stored"
    row = await examined.database.row(query)
    told = f"{row['bytes'] / 1_000_000:,.1f} MB in {counted(row['objects'], 'object')}"
    quota = examined.settings.storage_quota_gb
    if examined.local or not quota or row["bytes"] < quota * GIGABYTE * NEARLY:
        return ok(told)
    return warning(
        f"{told}; STORAGE_QUOTA_GB is {quota:g}",
        "On a larger plan: raise STORAGE_QUOTA_GB to what it has. Else lower keep_original_days,"
        " delete assets, or change the plan. When it is full, deliveries wait.",
    )


CHECKS = (
    Check("storage", "storage", given),
    Check("storage", "round trip", round_trip, needs=("storage",)),
    Check("storage", "used", used, needs=("migrations",)),
)
