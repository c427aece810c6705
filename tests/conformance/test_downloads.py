import time

import httpx
import pytest

from tests.conformance.door import DOORS, Door
from tests.conformance.wire import client, fetch
from worker.simulator import Fault, Rule, Simulator

WHILE = 0.4
HASTE = httpx.Timeout(10.0, read=WHILE)


@pytest.fixture(params=DOORS, ids=str)
def door(request: pytest.FixtureRequest) -> Door:
    door: Door = request.param
    return door


@pytest.fixture
def url(simulator: Simulator, door: Door) -> str:
    with door.open(simulator) as http:
        return door.finished(simulator, http)


def script(simulator: Simulator, door: Door, fault: Fault) -> None:
    simulator.script(Rule(fault=fault, provider=door.provider, operation="download", times=1))


def whole(url: str) -> bytes:
    answer = fetch(url)
    assert answer.status_code == 200
    assert answer.content.startswith(b"glTF")
    return answer.content


def test_a_download_may_stop_early(simulator: Simulator, door: Door, url: str) -> None:
    """DOWNLOAD_TRUNCATED: fewer bytes than the header promised, or than the file has."""
    script(simulator, door, Fault.DOWNLOAD_TRUNCATED)
    got = b""
    try:
        with client() as http, http.stream("GET", url) as answer:
            for chunk in answer.iter_bytes():
                got += chunk
    except httpx.RemoteProtocolError:
        pass
    assert len(got) < len(whole(url))


def test_a_download_may_be_slow(simulator: Simulator, door: Door, url: str) -> None:
    """DOWNLOAD_SLOW: it has begun, and is far from its end after a while."""
    script(simulator, door, Fault.DOWNLOAD_SLOW)
    got = b""
    deadline = time.monotonic() + WHILE
    try:
        with client() as http, http.stream("GET", url, timeout=HASTE) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_bytes():
                got += chunk
                if time.monotonic() > deadline:
                    break
    except httpx.ReadTimeout:
        pass
    assert len(got) < len(whole(url))


def test_a_download_may_be_an_error_page(simulator: Simulator, door: Door, url: str) -> None:
    """DOWNLOAD_ERROR_PAGE: text comes where a model should."""
    script(simulator, door, Fault.DOWNLOAD_ERROR_PAGE)
    answer = fetch(url)
    assert not answer.content.startswith(b"glTF")
    assert answer.content.lstrip().startswith(b"<")
    assert whole(url)


def test_an_address_may_have_expired(simulator: Simulator, door: Door) -> None:
    """URL_EXPIRED: the address is refused as one that has expired."""
    script(simulator, door, Fault.URL_EXPIRED)
    with door.open(simulator) as http:
        assert fetch(door.finished(simulator, http)).status_code in {403, 404, 410}


def test_the_book_counts_downloads(simulator: Simulator, door: Door, url: str) -> None:
    """What was fetched is in the provider's book."""
    assert not simulator.book(door.provider).downloads
    whole(url)
    assert simulator.book(door.provider).downloads
