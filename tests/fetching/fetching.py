"""A fetcher as tests need it: short patience, and names that lead where a test wants."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fetching.authority import authority
from tests.fetching.site import NAME, Site
from worker.fetching import Fetched, Fetcher, NotFetched
from worker.fetching.guard import Guard, LoopbackToo, PublicOnly
from worker.fetching.network import Resolve
from worker.fetching.patience import Patience
from worker.fetching.web import Internet

HASTE = Patience(connect=5, stall=5, total=20)
MOST = 1_000_000


class Names:
    """A name's answers in turn; the last one stays."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        assert port
        self.asked.append(host)
        answers = self._answers.get(host, [host])  # an address in numbers leads to itself
        return [answers[0] if len(answers) == 1 else answers.pop(0)]


def internet(guard: Guard | None = None, resolve: Resolve | None = None) -> Internet:
    """Loopback is admitted, and `cdn.test` is there."""
    return Internet(
        guard or LoopbackToo(PublicOnly()),
        resolve or Names(**{NAME: ["127.0.0.1"]}),
        authority().trusted(),
    )


@asynccontextmanager
async def fetching(
    *sites: Site,
    most: int = MOST,
    patience: Patience = HASTE,
    within: Internet | None = None,
) -> AsyncIterator[Fetcher]:
    """The sites without TLS are those that may be asked without."""
    plain = frozenset(site.place for site in sites)
    fetcher = Fetcher(most, plain, patience=patience, internet=within or internet())
    try:
        yield fetcher
    finally:
        await fetcher.close()


def whole(outcome: Fetched | NotFetched, body: bytes) -> Fetched:
    """Every byte is there, and counted."""
    assert isinstance(outcome, Fetched), outcome
    assert outcome.path.read_bytes() == body
    assert outcome.bytes == len(body)
    assert outcome.sha256 == hashlib.sha256(body).hexdigest()
    return outcome


def nothing(outcome: Fetched | NotFetched, target: Path) -> NotFetched:
    """No byte of it is left."""
    assert isinstance(outcome, NotFetched), outcome
    assert not target.exists()
    return outcome
