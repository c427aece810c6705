"""Looking up a host's name, apart from connecting: a dead name server is a cause of its own."""

import asyncio
import socket

from worker.doctor.aside import aside
from worker.doctor.patience import A_NAME

CALLED = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


class NoAddressError(Exception):
    """The text says which host, and why."""


async def families_of(host: str) -> set[str]:
    try:
        async with asyncio.timeout(A_NAME):
            return await aside(look_up, host)
    except TimeoutError:
        raise NoAddressError(f"{host} has no address (no name server answers)") from None
    except (OSError, UnicodeError) as error:
        raise NoAddressError(f"{host} has no address ({error})") from None


def look_up(host: str) -> set[str]:
    return {CALLED[family] for family, *_ in socket.getaddrinfo(host, None) if family in CALLED}
