"""Where a fetch goes, and where it does not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.fetching.authority import Authority, authority, new_authority
from tests.fetching.fetching import HASTE, MOST, Names, fetching, internet, nothing, whole
from tests.fetching.site import NAME, Line, Request, Site
from worker.fetching import Fetcher, NotFetched, Reason
from worker.fetching.guard import PublicOnly
from worker.fetching.web import Internet

BODY = b"glTF" * 1000
DAMAGE = bytes(40_000)  # the rest of a record, and more


async def served(_: Request, line: Line) -> None:
    await line.answer(200, BODY)


async def refusal(url: str, target: Path, within: Internet | None = None) -> str:
    """The production fetcher's word: no request leaves for what it refuses."""
    fetcher = Fetcher(MOST, patience=HASTE, internet=within)
    outcome = nothing(await fetcher.fetch(url, target), target)
    await fetcher.close()
    unreadable = outcome.why.endswith("can't be read")
    assert outcome.reason is (Reason.UNREADABLE if unreadable else Reason.REFUSED), outcome
    assert "secret" not in outcome.why
    return outcome.why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://cdn.test/a?secret", "its address begins with http, not with https"),
        ("file:///etc/passwd?secret", "its address begins with file, not with https"),
        ("ftp://cdn.test/secret", "its address begins with ftp, not with https"),
        ("gopher://127.0.0.1:6379/secret", "its address begins with gopher, not with https"),
        ("/secret", "its address begins with nothing, not with https"),
        ("", "its address begins with nothing, not with https"),
        ("https://me:secret@cdn.test/", "its address holds a user's name or password"),
        ("https://secret@cdn.test/", "its address holds a user's name or password"),
        ("https:///secret", "its address names no host that there could be"),
        ("https://cdn..test/secret", "its address names no host that there could be"),
        ("https://cdn test/secret", "its address names no host that there could be"),
        ("https://.test/secret", "its address names no host that there could be"),
        (f"https://{'a' * 64}.test/secret", "its address names no host that there could be"),
        (f"https://{'a.' * 127}test/secret", "its address names no host that there could be"),
        ("https://[fe80::1%25eth0]/secret", "its address names no host that there could be"),
        ("https://cdn.test:0/secret", "its address names port 0, which there is not"),
        ("https://cdn.test:65536/secret", "its address names port 65536, which there is not"),
        ("https://cdn.test:secret/", "its address can't be read"),
        ("https://[secret]/", "its address can't be read"),
        ("https://0177.0.0.1/secret", "its address can't be read"),
        ("https://①②⑦.⓪.⓪.①/secret", "its address can't be read"),
        ("https://cdn.test/\x00secret", "its address can't be read"),
        ("https://cdn.test/" + "secret" * 20_000, "its address can't be read"),
    ],
)
async def test_an_address_that_may_not_be_is_refused(tmp_path: Path, url: str, why: str) -> None:
    """By its text alone."""
    assert await refusal(url, tmp_path / "a") == why


@pytest.mark.parametrize(
    ("host", "led_to"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", None),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),  # noqa: S104 - nothing binds to it
        ("169.254.169.254", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("[::1]", "::1"),
        ("[::]", "::"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[::ffff:a9fe:a9fe]", None),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
        ("[64:ff9b::a9fe:a9fe]", None),
    ],
)
async def test_no_spelling_of_an_address_gets_past(
    tmp_path: Path, host: str, led_to: str | None
) -> None:
    """The system's own resolver reads them all; what it reads is what is checked."""
    why = await refusal(f"https://{host}/secret", tmp_path / "a")
    if led_to is None:
        assert why.endswith(("which is not a public address", "that there could be")), why
    else:
        assert why == f"it leads to {ip(led_to)}, which is not a public address"


def ip(text: str) -> str:
    return text.replace("::ffff:127.0.0.1", "::ffff:7f00:1")


async def test_one_bad_address_refuses_a_name(tmp_path: Path) -> None:
    """A public one in front of it is no excuse."""

    async def both(host: str, port: int) -> list[str]:
        assert (host, port) == (NAME, 443)
        return ["8.8.8.8", "10.0.0.7"]

    within = Internet(PublicOnly(), both)
    why = await refusal(f"https://{NAME}/secret", tmp_path / "a", within)
    assert why == "it leads to 10.0.0.7, which is not a public address"


async def test_a_name_that_changes_its_answer_gains_nothing(tmp_path: Path) -> None:
    """It is looked up once for a connection, and what was checked is what is connected to."""
    names = Names(cdn_test=["127.0.0.1", "10.0.0.7"])
    tls = authority().serves(NAME)
    async with (
        Site(served, tls) as site,
        fetching(within=internet(resolve=names)) as fetcher,
    ):
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)
        assert names.asked == [NAME]
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "b"), tmp_path / "b")
    assert outcome.why == "it leads to 10.0.0.7, which is not a public address"
    assert len(site.requests) == 1


async def test_a_redirect_to_the_same_name_is_checked_again(tmp_path: Path) -> None:
    """The second connection looks at what the name says by then."""

    async def onward(_: Request, line: Line) -> None:
        await line.answer(302, location="/b?secret")

    names = Names(cdn_test=["127.0.0.1", "169.254.169.254"])
    async with (
        Site(onward, authority().serves(NAME)) as site,
        fetching(within=internet(resolve=names)) as fetcher,
    ):
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.reason is Reason.REFUSED
    assert outcome.why == "it leads to 169.254.169.254, which is not a public address"


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("https://169.254.169.254/secret", "169.254.169.254, which is not a public address"),
        ("https://10.0.0.7/secret", "10.0.0.7, which is not a public address"),
        ("//[fd00:ec2::254]/secret", "fd00:ec2::254, which is not a public address"),
        ("http://127.0.0.1:1/secret", "from https to http"),
        ("http://cdn.test/secret", "from https to http"),
        ("file:///secret", "an address that begins with file, not with https"),
        ("data:text/plain,secret", "an address that begins with data, not with https"),
        ("https://me:secret@cdn.test/", "an address that holds a user's name or password"),
        ("https://cdn.test:99999/secret", "an address that names port 99999, which there is not"),
        ("https://[secret]/", "an address that can't be read"),
    ],
)
async def test_a_redirect_goes_by_the_same_rules(tmp_path: Path, location: str, why: str) -> None:
    """Each step is a new address."""

    async def onward(_: Request, line: Line) -> None:
        await line.answer(307, location=location)

    async with Site(onward, authority().serves(NAME)) as site, fetching() as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.reason is Reason.REFUSED
    assert outcome.why == f"it leads to {why}".replace("to from", "from")


async def test_a_redirect_to_plain_http_is_refused_even_where_that_is_allowed(
    tmp_path: Path,
) -> None:
    """The simulator's place is no place for a stranger's redirect."""
    async with Site(served) as simulator:

        async def onward(_: Request, line: Line) -> None:
            await line.answer(302, location=f"{simulator.url}/secret")

        async with Site(onward, authority().serves(NAME)) as site, fetching(simulator) as fetcher:
            outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
        assert outcome.why == "it leads from https to http"
        assert not simulator.requests


async def test_five_redirects_are_followed(tmp_path: Path) -> None:
    """Relative ones too."""

    async def counted(request: Request, line: Line) -> None:
        step = int(request.path.removeprefix("/"))
        if step < 5:
            await line.answer(302, b"this is not the file", location=f"{step + 1}")
        else:
            await line.answer(200, BODY)

    async with Site(counted) as site, fetching(site) as fetcher:
        whole(await fetcher.fetch(f"{site.url}/0", tmp_path / "a"), BODY)


async def test_a_loop_ends(tmp_path: Path) -> None:
    """After five steps."""

    async def around(_: Request, line: Line) -> None:
        await line.answer(301, location="/")

    async with Site(around) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("it leads on more than 5 times", Reason.REFUSED)
    assert len(site.requests) == 6


async def test_a_redirect_to_nowhere_is_an_answer(tmp_path: Path) -> None:
    """Its body is not the file."""

    async def nowhere(_: Request, line: Line) -> None:
        await line.answer(302, BODY)

    async with Site(nowhere) as site, fetching(site) as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("it answers 302", Reason.PASSING)


@pytest.mark.parametrize(
    ("issuer", "name", "why"),
    [
        (authority, "other.test", "Hostname mismatch"),
        (new_authority, NAME, "unable to get local issuer certificate"),
    ],
)
async def test_a_wrong_certificate_is_refused(
    tmp_path: Path, issuer: Callable[[], Authority], name: str, why: str
) -> None:
    """Another's name, or an authority that nobody knows: no request is sent."""
    async with Site(served, issuer().serves(name)) as site, fetching() as fetcher:
        outcome = nothing(await fetcher.fetch(site.url, tmp_path / "a"), tmp_path / "a")
    assert outcome.why.startswith(f"its certificate is not valid: {why}")
    assert outcome.reason is Reason.PASSING
    assert not site.requests


async def test_a_server_without_tls_is_not_taken_for_one(tmp_path: Path) -> None:
    """Nothing falls back to what can be overheard."""

    async def says_hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(says_hello, "127.0.0.1", 0)
    async with server, fetching() as fetcher:
        url = f"https://{NAME}:{server.sockets[0].getsockname()[1]}"
        outcome = nothing(await fetcher.fetch(url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("TLS fails: WRONG_VERSION_NUMBER", Reason.PASSING)


async def test_a_closed_port_says_so(tmp_path: Path) -> None:
    """In the system's words."""
    async with Site(served) as site, fetching() as fetcher:
        pass
    async with fetching() as fetcher:
        url = f"https://{NAME}:{site.port}"
        outcome = nothing(await fetcher.fetch(url, tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched("it can't be reached: Connection refused", Reason.PASSING)


async def test_the_next_address_is_tried(tmp_path: Path) -> None:
    """One that refuses does not make the name unreachable."""

    async def two(host: str, port: int) -> list[str]:
        assert host == NAME
        assert port
        return ["127.0.0.2", "127.0.0.1"]

    async with (
        Site(served, authority().serves(NAME)) as site,
        fetching(within=internet(resolve=two)) as fetcher,
    ):
        whole(await fetcher.fetch(site.url, tmp_path / "a"), BODY)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (socket.EAI_NONAME, "its name leads nowhere"),
        (socket.EAI_AGAIN, "its name can't be looked up now"),
    ],
)
async def test_a_name_that_leads_nowhere_says_so(tmp_path: Path, number: int, why: str) -> None:
    """An unknown one, and one whose servers are silent."""

    async def fails(host: str, port: int) -> list[str]:
        raise socket.gaierror(number, f"{host}:{port}")

    async with fetching(within=internet(resolve=fails)) as fetcher:
        outcome = nothing(await fetcher.fetch(f"https://{NAME}/", tmp_path / "a"), tmp_path / "a")
    assert outcome == NotFetched(why, Reason.PASSING)


async def test_tls_that_is_damaged_in_the_middle_is_a_cut(tmp_path: Path) -> None:
    """A record that nobody could have sealed is the network's fault, and says nothing of ours."""
    async with (
        Site(served_long, authority().serves(NAME)) as site,
        spoiled(site.port, after=100_000) as port,
        fetching() as fetcher,
    ):
        url = f"https://{NAME}:{port}"
        outcome = nothing(await fetcher.fetch(url, tmp_path / "a"), tmp_path / "a")
    assert outcome.reason is Reason.PASSING
    assert outcome.why.startswith("the connection was cut after ")


async def served_long(_: Request, line: Line) -> None:
    await line.answer(200, bytes(500_000))


@asynccontextmanager
async def spoiled(port: int, after: int) -> AsyncIterator[int]:
    """A way to a server of this machine; what it says is damaged after so many bytes."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        asking = asyncio.create_task(pass_on(reader, to_there))
        said = 0
        while said < after and (data := await there.read(16_384)):
            writer.write(data)
            said += len(data)
        writer.write(DAMAGE)
        await writer.drain()
        await asking
        to_there.close()
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(16_384):
            writer.write(data)
