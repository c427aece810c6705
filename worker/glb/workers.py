"""Threads for the work on one file."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

NO_THREAD = "can't start new thread"  # what Python says where there is no memory for its stack


@contextmanager
def workers(threads: int) -> Iterator[Executor]:
    """Whoever gives up waits for what is under way, and for no more."""
    with ThreadPoolExecutor(threads) as pool:
        begin(pool, threads)
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def begin(pool: Executor, threads: int) -> None:
    """While there is memory: Python waits without end for one that dies of its lack."""
    together = Barrier(threads)
    try:
        for _ in range(threads):
            pool.submit(together.wait)
    except RuntimeError as error:
        together.abort()
        if NO_THREAD in str(error):
            raise MemoryError from error
        raise
