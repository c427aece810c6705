"""Connects to the very addresses that were checked: a name that changes them gains nothing."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

import httpcore

from worker.fetching.guard import Address, Guard

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_Option = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class NotPublicError(Exception):
    """Stays within this package; passes through httpcore, which leaves it alone."""

    def __init__(self, address: Address) -> None:
        super().__init__(str(address))
        self.address = address


class Lookups:
    """Apart from the loop's own threads: names whose servers never answer would stop every write.

    A look-up outlives our patience by half a minute. So whoever fetches has threads of their own:
    such names, typed by users, would stop the fetching of models.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(16, "lookups")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(where[0]) for *_, where in found]

    def close(self) -> None:
        self._threads.shutdown(wait=False)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """TLS and the Host line still go by the name: httpcore adds them above this."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's signature
        local_address: str | None = None,  # noqa: ARG002 - as above
        socket_options: Iterable[_Option] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout) as limit:
                addresses = await self._checked(host, port)
                return await self._first(addresses, port, limit)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:  # the look-up's own
            raise httpcore.ConnectError from error

    async def _checked(self, host: str, port: int) -> list[Address]:
        """One bad address refuses them all: an honest name has none."""
        found = await self._resolve(host, port)
        addresses = [ip_address(each) for each in dict.fromkeys(found)]
        for address in addresses:
            if not self._guard.admits(address):
                raise NotPublicError(address)
        return addresses

    async def _first(
        self, addresses: list[Address], port: int, limit: asyncio.Timeout
    ) -> httpcore.AsyncNetworkStream:
        """An address that swallows packets takes only its share of the time."""
        failed: Exception = httpcore.ConnectError("it has no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return await self._tcp.connect_tcp(str(address), port, _share(limit, left))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


def _share(limit: asyncio.Timeout, parts: int) -> float | None:
    end = limit.when()
    return None if end is None else (end - asyncio.get_running_loop().time()) / parts
