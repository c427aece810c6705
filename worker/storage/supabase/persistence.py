"""The same call again, while that can help."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from worker.storage.outcome import StorageUnreachable
from worker.storage.supabase.patience import Patience
from worker.storage.supabase.wrong import Kind, Wrong

T = TypeVar("T")


async def persist(
    patience: Patience,
    attempt: Callable[[], Awaitable[T | Wrong]],
    progress: Callable[[], int] = int,
) -> T | Wrong | StorageUnreachable:
    """Tries start anew with each progress, so `progress` must have an end."""
    tries, reached = 0, progress()
    while True:
        outcome = await attempt()
        if not isinstance(outcome, Wrong) or outcome.kind is not Kind.PASSING:
            return outcome
        tries, reached = (1, progress()) if progress() > reached else (tries + 1, reached)
        if tries >= patience.attempts or outcome.retry_after > patience.asked_pause_most:
            return StorageUnreachable(f"Supabase Storage: {outcome}")
        wait = max(outcome.retry_after, patience.pause(tries) * random.uniform(0.5, 1))  # noqa: S311 - jitter
        await asyncio.sleep(wait)
