"""Requests to the open web: no cookie, no key, no proxy, no trace of where they come from."""

import ssl
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache

import httpcore
import httpx

from worker.fetching.guard import Guard, LoopbackToo, PublicOnly
from worker.fetching.network import GuardedNetwork, Lookups, Resolve
from worker.fetching.patience import Patience

Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Internet:
    """What stands between us and a server; tests put another in its place."""

    guard: Guard = PublicOnly()  # noqa: RUF009 - it has no state
    resolve: Resolve | None = None
    tls: ssl.SSLContext | None = None


class Web:
    """On httpcore itself: httpx connects by no rule of ours, and logs addresses as they are."""

    def __init__(self, internet: Internet, patience: Patience) -> None:
        guard = internet.guard
        tls = internet.tls or _tls()
        self._lookups = Lookups()
        resolve = internet.resolve or self._lookups.resolve
        self._https = _pool(GuardedNetwork(guard, resolve), tls)
        # Its hosts have been looked at: `address.Rules` lets no others through.
        self._http = _pool(GuardedNetwork(LoopbackToo(guard), resolve), tls)
        self._timeout = {
            "connect": patience.connect,
            "read": patience.stall,
            "write": patience.stall,
            "pool": patience.connect,
        }

    def get(self, url: httpx.URL, lines: Lines) -> AbstractAsyncContextManager[httpcore.Response]:
        pool = self._https if url.scheme == "https" else self._http
        return pool.stream(
            "GET",
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=[
                ("host", url.netloc.decode("ascii")),
                ("user-agent", "meshqueue"),
                ("accept", "*/*"),
                ("accept-encoding", "identity"),
                *lines,
            ],
            extensions={"timeout": self._timeout},
        )

    async def close(self) -> None:
        await self._https.aclose()
        await self._http.aclose()
        self._lookups.close()


def _pool(network: GuardedNetwork, tls: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    """A connection for each request: an idle one that the server closes looks like a cut."""
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=None,
        max_keepalive_connections=0,
        network_backend=network,
    )


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # takes 20 ms and megabytes: one for all
