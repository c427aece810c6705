"""A worker whose models go to Supabase's Storage, and what lies there in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.storage.fast import FAST
from tests.support import jobs
from tests.support.daemon import LOOK_EVERY, plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import Row
from tests.support.project import token
from tests.support.storage_server import StorageServer
from worker.daemon.daemon import Daemon
from worker.simulator import Simulator
from worker.storage.supabase import SupabaseStorage


@dataclass(frozen=True)
class House:
    db: Database
    simulator: Simulator
    storage: StorageServer
    folder: Path

    @asynccontextmanager
    async def working(self, **changes: Any) -> AsyncIterator[Daemon]:
        storage = SupabaseStorage(self.storage.url, token("service_role"), FAST)
        plan = plan_for(self.db, self.simulator, self.folder, storage=storage, **changes)
        async with working(plan) as daemon:
            yield daemon

    async def deliver(self, user: UUID, request: Row) -> Row:
        job = jobs.create(self.db, user, request)
        async with self.working():
            return await the_end(self.db, job["id"])

    def files(self, job_id: UUID) -> list[Row]:
        query = "select * from public.asset_files where job_id = %s order by role, format"
        return self.db.admin.rows(query, job_id)

    def asset(self, asset_id: UUID) -> Row:
        return self.db.admin.row("select * from public.assets where id = %s", asset_id)

    def objects(self, bucket: str = "assets") -> dict[str, bytes]:
        return self.storage.stored(bucket)

    def set(self, key: str, value: str) -> None:
        self.db.admin.execute("update app_settings set value = %s where key = %s", value, key)

    def is_paused(self) -> bool:
        return bool(self.db.admin.rows("select from meshqueue.delivery_pause"))

    def is_held(self) -> bool:
        """Of a world with one job."""
        query = "select from meshqueue.runs where stage = 'DELIVER' and state = 'held'"
        return bool(self.db.admin.rows(query))

    def hurry_removals(self) -> None:
        """As a quarter of an hour later."""
        self.db.admin.execute("update meshqueue.removals set due_at = now()")

    async def remove_all(self, daemon: Daemon) -> None:
        """What is listed and not claimed; what its own upkeep has claimed, it removes."""
        while self.db.admin.rows("select from meshqueue.removals"):
            self.hurry_removals()
            await daemon.objects.remove_due()
            await asyncio.sleep(LOOK_EVERY)

    async def until_stored(self, *keys: str) -> None:
        await until(lambda: set(self.objects()) == set(keys), "exactly these objects")

    def judge_rows(self) -> None:
        """No row without its object, whole; no object without a row."""
        rows = self.db.admin.rows("select * from public.asset_files")
        for bucket in ("assets", "templates"):
            named = {row["path"]: row["bytes"] for row in rows if row["bucket"] == bucket}
            assert self.storage.sizes(bucket) == named
