"""Where a request may go, as far as the text of its address tells."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

import httpx

from worker.fetching.outcome import NotFetched, Reason, refused

_LONGEST_NAME = 253
# Stricter than a resolver, which raises no OSError but a ValueError for some of the rest.
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    plain_http_hosts: frozenset[str]
    """As they stand in an address: `127.0.0.1:43123`."""

    def read(self, address: str) -> httpx.URL | NotFetched:
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            return NotFetched("its address can't be read", Reason.UNREADABLE)
        fault = self._fault(url)
        return refused(f"its address {fault}") if fault else url

    def follow(self, url: httpx.URL, location: str) -> httpx.URL | NotFetched:
        try:
            onward = url.join(location)
        except (httpx.InvalidURL, ValueError):
            return refused("it leads to an address that can't be read")
        if url.scheme == "https" and onward.scheme == "http":
            return refused("it leads from https to http")
        fault = self._fault(onward)
        return refused(f"it leads to an address that {fault}") if fault else onward

    def _fault(self, url: httpx.URL) -> str:
        if not self._encrypted_or_ours(url):
            return f"begins with {_shown(url.scheme)}, not with https"
        if url.userinfo:
            return "holds a user's name or password"
        if not _is_host(url.raw_host.decode("ascii")):
            return "names no host that there could be"
        if url.port is not None and not 1 <= url.port <= 65535:  # noqa: PLR2004 - TCP's range
            return f"names port {url.port}, which there is not"
        return ""

    def _encrypted_or_ours(self, url: httpx.URL) -> bool:
        if url.scheme == "http":
            return url.netloc.decode("ascii") in self.plain_http_hosts
        return url.scheme == "https"


def _is_host(host: str) -> bool:
    if ":" in host:
        return _is_ipv6(host)
    return len(host) <= _LONGEST_NAME and _NAME.fullmatch(host) is not None


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _shown(scheme: str) -> str:
    return scheme[:20] if scheme else "nothing"
