"""How far the files are. Only for somebody who watches: on a terminal."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from worker.offline.errands import Errand


@contextmanager
def bar(todo: Sequence[Errand]) -> Iterator[Callable[[], None]]:
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - 50 ms that a pipe need not pay
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as progress:
        weights = [weight(errand) for errand in todo]
        task = progress.add_task("optimize", total=sum(weights))
        left = iter(weights)
        yield lambda: progress.advance(task, next(left))


def weight(errand: Errand) -> int:
    """Time goes with the bytes."""
    return errand.source.stat().st_size if errand.source and errand.source.exists() else 1
