"""Which addresses may be connected to. A name counts for nothing here: it may lead anywhere."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

Address = IPv4Address | IPv6Address


class Guard(Protocol):
    def admits(self, address: Address) -> bool: ...


# Written out, for `ipaddress.is_global` differs: up to 3.11.9 it calls 192.0.0.0/24 in part and
# 64:ff9b:1::/48 wholly global, and in every version 168.63.129.16 and 6to4.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata, 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host: a public address that only its guests reach
        "169.254.0.0/16",  # link-local; most clouds' metadata, 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata, 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# The only part from which public addresses are given out. Outside lie ::/8 (unspecified, loopback,
# IPv4-compatible), 100::/64, fc00::/7 with Amazon's metadata fd00:ec2::254, fe80::/10, ff00::/8.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: would embed any IPv4 address
        "3fff::/20",  # documentation
    )
)
# A network without IPv4 reaches the public one through these: judged by what they embed.
_NAT64 = IPv6Network("64:ff9b::/96")


class PublicOnly:
    """Admits what anyone on the internet could be given."""

    def admits(self, address: Address) -> bool:
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _NOT_PUBLIC_4)
        if inner := _embedded(address):
            return self.admits(inner)
        return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


class LoopbackToo:
    """For a server of ours on this machine, such as the simulator."""

    def __init__(self, otherwise: Guard) -> None:
        self._otherwise = otherwise

    def admits(self, address: Address) -> bool:
        return address.is_loopback or self._otherwise.admits(address)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped
