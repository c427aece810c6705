"""What a fetch gives back, and what it asks with."""

from pathlib import Path

import pytest

from tests.fetching.authority import authority
from tests.fetching.fetching import fetching, internet, nothing, whole
from tests.fetching.site import NAME, Line, Request, Site
from tests.support.small_disk import pages_of, small_disk
from worker.fetching import Reason

BODY = bytes(range(256)) * 2000


async def served(_: Request, line: Line) -> None:
    await line.answer(200, BODY, content_type="Model/GLTF-Binary; charset=x")


async def test_a_file_arrives_whole(tmp_path: Path) -> None:
    """Its bytes, their number, their hash and what the server calls them."""
    async with Site(served) as site, fetching(site) as fetcher:
        fetched = whole(await fetcher.fetch(f"{site.url}/a.glb", tmp_path / "a"), BODY)
    assert fetched.content_type == "model/gltf-binary"


async def test_it_arrives_over_tls_by_its_name(tmp_path: Path) -> None:
    """The certificate is checked against the name, and the server is told that name."""
    tls = authority().serves(NAME)
    async with Site(served, tls) as site, fetching() as fetcher:
        whole(await fetcher.fetch(f"{site.url}/a.glb?sig=s", tmp_path / "a"), BODY)
        assert site.requests[0].lines["host"] == f"{NAME}:{site.port}"
        assert site.requests[0].path == "/a.glb?sig=s"


async def test_it_asks_with_nothing_of_ours(tmp_path: Path) -> None:
    """No key, no cookie, no referer: not even after a redirect that sets one."""

    async def sets_a_cookie(request: Request, line: Line) -> None:
        if request.path == "/a":
            await line.answer(302, location="/b", set_cookie="a=b")
        else:
            await line.answer(200, BODY)

    async with Site(sets_a_cookie) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(f"{site.url}/a", tmp_path / "a"), BODY)
    for request in site.requests:
        assert set(request.lines) == {"host", "user-agent", "accept", "accept-encoding"}
        assert request.lines["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.DEAD_LINK),
        (401, Reason.DEAD_LINK),
        (403, Reason.DEAD_LINK),
        (404, Reason.DEAD_LINK),
        (410, Reason.DEAD_LINK),
        (408, Reason.PASSING),
        (429, Reason.PASSING),
        (204, Reason.PASSING),
        (206, Reason.PASSING),
        (304, Reason.PASSING),
        (500, Reason.PASSING),
        (503, Reason.PASSING),
    ],
)
async def test_a_status_tells_what_may_help(tmp_path: Path, status: int, reason: Reason) -> None:
    """Another link, or the same one later."""
    body = b"" if status in (204, 304) else b"no"

    async def denied(_: Request, line: Line) -> None:
        await line.answer(status, body)

    async with Site(denied) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.reason is reason
    assert outcome.why == f"it answers {status}"


async def test_no_proxy_of_the_environment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect for us, to an address that nobody checked."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with (
        Site(served, authority().serves(NAME)) as site,
        fetching(within=internet()) as fetcher,
    ):
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


async def test_what_can_not_be_written_is_our_fault(tmp_path: Path) -> None:
    """Not the link's."""
    async with Site(served) as site, fetching(site) as fetcher:
        target = tmp_path / "missing" / "a"
        outcome = nothing(await fetcher.fetch(site.url, target), target)
    assert outcome.reason is Reason.OURS
    assert outcome.why == "there is no writing it down: No such file or directory"


async def test_a_full_disk_is_our_fault(tmp_path: Path) -> None:
    """What came so far is gone, and the same link works once there is room."""
    with small_disk(tmp_path / "disk", pages_of(len(BODY)) - 1) as disk:
        target = disk.path / "a"
        async with Site(served) as site, fetching(site) as fetcher:
            outcome = nothing(await fetcher.fetch(site.url, target), target)
            assert outcome.reason is Reason.OURS
            assert outcome.why == "there is no writing it down: No space left on device"
            disk.hold(pages_of(len(BODY)) + 1)
            whole(await fetcher.fetch(site.url, target), BODY)
