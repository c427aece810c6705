"""A worker that meets its fate at the n-th step of its deliveries; its storage is Supabase's.

kill     SIGKILL
cancel   its user cancels the job while the worker stands still, then SIGKILL
sleep    SIGSTOP, until somebody wakes it
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg

from tests.chaos.mortal import die, plan_of
from tests.chaos.steps import Steps, count_tasks, count_work
from tests.delivery.pieces import travel_in_pieces
from tests.storage.fast import FAST
from tests.support.project import token
from worker.daemon.daemon import Daemon
from worker.daemon.start import leave_by_signal
from worker.storage.supabase import SupabaseStorage

BLOCKED_TIMEOUT = "2s"
PIECE = 200_000  # bytes; the original goes up in three


def be_canceled(given: dict[str, Any]) -> None:
    """Where our own open transaction holds the job, its user is told that it is busy."""
    with (
        suppress(psycopg.OperationalError, psycopg.DatabaseError),
        psycopg.connect(given["database"], autocommit=True) as user,
    ):
        user.execute(f"set lock_timeout = '{BLOCKED_TIMEOUT}'".encode())
        user.execute("select public.cancel_ai_job(%s)", [given["job"]])
    die()


def fall_asleep() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


async def live(given: dict[str, Any]) -> int:
    fates: dict[str, Callable[[], None]] = {
        "kill": die,
        "cancel": partial(be_canceled, given),
        "sleep": fall_asleep,
    }
    steps = Steps(given["die_at"], fates[given["fate"]])
    count_tasks()
    travel_in_pieces(PIECE)
    storage = SupabaseStorage(given["supabase"], token("service_role"), FAST)
    daemon = Daemon(replace(plan_of(given), storage=storage))
    count_work(daemon.deliveries, steps)
    leave_by_signal(daemon)
    await daemon.run()
    return steps.taken
