"""How far the files are. Only for somebody who watches: on a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from worker.glb.progress import Watch, ignore
from worker.offline.errands import Errand


@contextmanager
def bar(todo: Sequence[Errand]) -> Iterator[list[Watch]]:
    """One to be told of each errand."""
    if not sys.stderr.isatty():
        yield [ignore] * len(todo)
        return
    from rich.console import Console  # noqa: PLC0415 - 50 ms that a pipe need not pay
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as progress:
        weights = [weight(errand) for errand in todo]
        task = progress.add_task("optimize", total=sum(weights))

        def watch(before: int, own: int) -> Watch:
            return lambda share: progress.update(task, completed=before + share * own)

        yield [watch(end - own, own) for own, end in zip(weights, accumulate(weights), strict=True)]


def weight(errand: Errand) -> int:
    """Time goes with the bytes."""
    return errand.source.stat().st_size if errand.source and errand.source.exists() else 1
