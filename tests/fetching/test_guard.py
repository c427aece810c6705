"""Which addresses are public."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fetching.guard import LoopbackToo, PublicOnly

REFUSED = {
    "this host": ["0.0.0.0", "0.1.2.3", "::"],  # noqa: S104 - nothing binds to it
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.7", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12::1", "fc00::1"],
    "link-local": ["169.254.0.1", "fe80::1", "fe80::1%eth0", "fec0::1"],
    "metadata": [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "fd20:ce::254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
    ],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1", "4000::1", "100::1", "5f00::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "protocol assignments": ["192.0.0.1", "192.0.0.9", "2001:10::1", "2001:20::1", "2001:1::1"],
    "6to4 and its relays": ["192.88.99.1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:808:808::"],
    "Teredo": ["2001:0:808:808::1", "2001::5601:5601"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.7", "::ffff:a9fe:a9fe", "::ffff:0.0.0.0"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::a9fe:a9fe"],
    "IPv4-translated": ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.7"],
    "NAT64 of a site": ["64:ff9b:1::8.8.8.8", "64:ff9b:1::1"],
}
ADMITTED = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize(
    "address", [each for group in REFUSED.values() for each in group], ids=lambda each: each
)
def test_what_is_not_public_is_refused(address: str) -> None:
    """Whatever its family, and whatever it is wrapped in."""
    assert not PublicOnly().admits(ip_address(address))


@pytest.mark.parametrize("address", ADMITTED)
def test_what_is_public_is_admitted(address: str) -> None:
    """Up to the very neighbours of what is not."""
    assert PublicOnly().admits(ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_admitted_that_the_registry_calls_private(address: object) -> None:
    """The standard library's own list agrees, as far as it goes."""
    parsed = ip_address(str(address))
    if PublicOnly().admits(parsed) and isinstance(parsed, IPv4Address):
        assert parsed.is_global
        assert not parsed.is_multicast


@given(st.ip_addresses(v=4))
def test_wrapping_makes_no_address_public(address: IPv4Address) -> None:
    """Mapped and translated by NAT64 it is what it was."""
    for prefix in ("::ffff:", "64:ff9b::"):
        wrapped = ip_address(f"{prefix}{address}")
        assert PublicOnly().admits(wrapped) is PublicOnly().admits(address)


def test_loopback_is_admitted_where_it_is_asked_for() -> None:
    """And nothing else with it."""
    guard = LoopbackToo(PublicOnly())
    assert guard.admits(ip_address("127.0.0.1"))
    assert guard.admits(ip_address("::1"))
    assert not guard.admits(ip_address("10.0.0.7"))
    assert not guard.admits(ip_address("169.254.169.254"))
