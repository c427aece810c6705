"""Alarms as they arrive: from what is wrong in the database to a message in a channel."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from tests.support import jobs
from tests.support.daemon import plan_for, until, working
from tests.support.database import Database
from tests.support.jobs import new_worker, rich_user
from tests.support.proxy import proxy_to
from tests.telemetry.receiver import Headers, Posted, Receiver, accept, receiving
from worker.daemon import daemon as daemon_module
from worker.database.connection import is_passing, new_pool
from worker.database.vitals import Alarm, Vitals
from worker.simulator import Simulator
from worker.telemetry import webhook as webhook_module
from worker.telemetry.alarms import Alarms, Alert, open_alarms
from worker.telemetry.webhook import body_for, fault_of, pause_of
from worker.telemetry.wording import WORDS, in_words, message_of

pytestmark = pytest.mark.newest_postgres

PAUSED = Alarm(
    1,
    "provider_paused",
    "MESHY",
    {"reasons": ["out_of_credit"], "wholly": True},
    datetime.now(UTC),
    None,
    told=False,
)


@pytest.fixture
def channel() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def looking(db: Database, url: str, database_url: str | None = None) -> AsyncIterator[Alarms]:
    """What a worker has of it, with connections of its own."""
    pool = new_pool(database_url or db.url())
    await pool.open()
    alarms = Alarms(Vitals(pool), Alert(url, "the tests", 30, 1000))
    try:
        yield alarms
    finally:
        await alarms.close()
        await pool.close()


def texts(channel: Receiver) -> list[str]:
    return [json.loads(each.body)["text"] for each in channel.posted]


def pause(db: Database) -> None:
    db.admin.execute("select meshqueue.pause_provider('MESHY')")


def resume(db: Database) -> None:
    db.admin.execute("select meshqueue.resume_provider('MESHY')")


def claims_lapse(db: Database) -> None:
    db.admin.execute("update meshqueue.alarms set due_at = now()")


async def test_once_and_again_when_it_is_over(db: Database, channel: Receiver) -> None:
    """However many workers look, and however often."""
    async with looking(db, channel.url) as first, looking(db, channel.url) as second:
        for change in (pause, resume):
            change(db)
            for _ in range(3):
                await asyncio.gather(first.turn(), second.turn())
    assert [text.split(": ", 1)[1][:15] for text in texts(channel)] == [
        "MESHY is paused",
        "MESHY is open a",
    ]
    assert all(text.startswith("meshqueue at the tests: ") for text in texts(channel))
    assert "`meshqueue providers resume MESHY`" in texts(channel)[0]


async def test_everything_that_can_be_wrong_has_words(db: Database, channel: Receiver) -> None:
    """Each kind of incident is told in full, from what the database really says of it."""
    worker = new_worker(db)
    lost = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(lost)
    worker.lost(lost)
    jobs.set_setting(db, "max_in_flight_meshy", 0)
    jobs.create(db, rich_user(db))
    db.admin.execute("update meshqueue.waiting set since = now() - interval '40 minutes'")
    db.admin.execute("update meshqueue.measurements set value = 900 where name = 'stored_bytes'")
    worker.session.execute(
        "select meshqueue.heartbeat(%s, %s, %s)", worker.id, worker.serves, {"restarts": 4}
    )
    worker.pause_deliveries()
    pause(db)
    async with looking(db, channel.url) as alarms:
        await alarms.turn()
        await alarms.turn()
    kinds = [json.loads(each.body)["alarm"]["kind"] for each in channel.posted]
    assert sorted(kinds) == sorted(WORDS)
    everything = " ".join(texts(channel))
    for part in ("1 paid request(s)", "has waited 40 min", "filled to 90 %", "4 times", "(quota)"):
        assert part in everything


@asynccontextmanager
async def being_told(channel: Receiver, alarms: Alarms) -> AsyncIterator["asyncio.Task[None]"]:
    """Up to the moment when the message has arrived and its answer has not left."""
    reached, go_on = threading.Event(), threading.Event()

    def slowly(_: Posted) -> tuple[int, Headers]:
        reached.set()
        go_on.wait()
        return 200, {}

    channel.answer = slowly
    telling = asyncio.create_task(alarms.turn())
    await asyncio.to_thread(reached.wait)
    try:
        yield telling
    finally:
        channel.answer = accept
        go_on.set()


async def test_a_worker_that_dies_before_it_tells(db: Database, channel: Receiver) -> None:
    """It had claimed the message: another sends it a minute later."""
    pause(db)
    async with looking(db, channel.url) as alarms:
        db.admin.execute("select meshqueue.look_for_trouble(30, 1000)")
        db.admin.execute("select meshqueue.claim_alarms()")
        await alarms.turn()
        assert channel.posted == []
        claims_lapse(db)
        await alarms.turn()
    assert len(channel.posted) == 1


async def test_a_worker_that_dies_while_it_tells(db: Database, channel: Receiver) -> None:
    """Nobody knows whether it was heard: another tells it a minute later, and not earlier."""
    pause(db)
    async with looking(db, channel.url) as first, looking(db, channel.url) as second:
        async with being_told(channel, first) as telling:
            await second.turn()
            assert len(channel.posted) == 1
            telling.cancel()
            await asyncio.wait({telling})
        claims_lapse(db)
        await second.turn()
        await second.turn()
    assert len(channel.posted) == 2


async def test_a_database_that_goes_away_before_it_is_noted(
    db: Database, channel: Receiver
) -> None:
    """The message was sent and nobody could write that down: it comes twice, and not thrice."""
    pause(db)
    async with proxy_to(db.url()) as proxy, looking(db, channel.url, proxy.url) as alarms:
        async with being_told(channel, alarms) as telling:
            proxy.go_down()
        with pytest.raises(Exception) as lost:  # noqa: PT011 - whatever the driver says
            await telling
        assert is_passing(lost.value)
        proxy.come_back()
        claims_lapse(db)
        await until_it_works(alarms)
        await alarms.turn()
    assert len(channel.posted) == 2


async def until_it_works(alarms: Alarms) -> None:
    """The pool finds out by and by which of its connections are dead."""
    while True:
        try:
            await alarms.turn()
        except Exception as error:
            if not is_passing(error):
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def test_a_refusal_is_tried_again_and_logged_once(db: Database, channel: Receiver) -> None:
    """Later and later; as late as the other side asks; and the log has one line until it works."""
    channel.answer = lambda _: (429, {"retry-after": "900"})
    pause(db)
    with capture_logs() as lines:
        async with looking(db, channel.url) as alarms:
            for _ in range(3):
                await alarms.turn()
                claims_lapse(db)
            await alarms.turn()
            due = "select due_at - now() > interval '14 minutes' from meshqueue.alarms"
            assert db.admin.value(due) is True
            channel.answer = accept
            claims_lapse(db)
            await alarms.turn()
            await alarms.turn()
    assert len(channel.posted) == 5
    assert [line["action"] for line in lines] == ["alarm_untold", "alarms_told_again"]
    assert "it answers 429" in lines[0]["why"]


@pytest.mark.parametrize("fault", ["nobody there", "no answer", "a redirect"])
async def test_an_address_that_takes_nothing(
    db: Database, channel: Receiver, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """It costs a named time at most and is tried again; the address stays out of the log."""
    never = threading.Event()
    monkeypatch.setattr(webhook_module, "TIMEOUT", 0.2)
    pause(db)
    url = "http://127.0.0.1:1/secret" if fault == "nobody there" else f"{channel.url}/secret"
    if fault == "no answer":
        channel.answer = lambda _: (200 if never.wait(5) else 500, {})
    elif fault == "a redirect":
        channel.answer = lambda _: (307, {"location": "http://169.254.169.254/"})
    with capture_logs() as lines:
        async with looking(db, url) as alarms:
            await alarms.turn()
    never.set()
    assert [line["action"] for line in lines] == ["alarm_untold"]
    assert "secret" not in str(lines)
    assert "secret" not in repr(Alert(url, "the tests"))
    assert db.admin.value("select told_at is null and tries = 1 from meshqueue.alarms") is True


@pytest.mark.parametrize(
    ("url", "keys"),
    [
        ("https://hooks.slack.com/services/T/B/x", {"text"}),
        ("https://discord.com/api/webhooks/1/x", {"content", "allowed_mentions"}),
        ("https://ptb.discordapp.com/api/webhooks/1/x", {"content", "allowed_mentions"}),
        ("https://discord.com/api/webhooks/1/x/slack", {"text"}),
        ("https://notdiscord.com/x", {"text", "content", "alarm"}),
        ("https://chat.example.com/hooks/x", {"text", "content", "alarm"}),
    ],
)
def test_each_gets_what_it_understands(url: str, keys: set[str]) -> None:
    """Slack and Discord their own field alone, everybody else both and the facts."""
    assert body_for(urlsplit(url), "text", PAUSED).keys() == keys


def test_nobody_is_called_by_a_message() -> None:
    """What looks like a mention is text: neither @everyone nor <!channel> rings at night."""
    slack = body_for(urlsplit("https://hooks.slack.com/x"), "<!channel> & more", PAUSED)
    assert slack["text"] == "&lt;!channel&gt; &amp; more"
    discord = body_for(urlsplit("https://discord.com/api/webhooks/1/x"), "@everyone", PAUSED)
    assert discord["allowed_mentions"] == {"parse": []}


def test_no_message_is_too_long() -> None:
    """Discord refuses more than 2000 characters."""
    discord = urlsplit("https://discord.com/api/webhooks/1/x")
    assert len(body_for(discord, "x" * 5000, PAUSED)["content"]) < 2000


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://example.com/x", None),
        ("https://10.0.0.1/x", None),
        ("http://127.0.0.1:8080/x", None),
        ("http://[::1]/x", None),
        ("http://localhost/x", None),
        ("http://example.com/x", "plain http"),
        ("ftp://example.com/x", "must begin with https://"),
        ("hooks.slack.com/x", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("https://[::1", "no URL"),
        ("https://example.com:port/x", "no URL"),
    ],
)
def test_which_addresses_are_taken(url: str, fault: str | None) -> None:
    """Encrypted anywhere, also inside the operator's network; plain http to this machine alone."""
    said = fault_of(url)
    assert said is None if fault is None else fault in str(said)


def test_a_wrong_address_stops_nothing(db: Database) -> None:
    """It is said once, at the start, and the worker goes without alarms."""
    with capture_logs() as lines:
        assert (
            open_alarms(Vitals(new_pool(db.url())), Alert("http://example.com/x", "here")) is None
        )
    assert [line["action"] for line in lines] == ["alarms_off"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0.5", 0.5), ("soon", 0), ("nan", 0), ("-1", 0), ("1e300", 3600), ("inf", 3600)],
)
def test_how_long_the_other_side_asks_to_wait(header: str, seconds: float) -> None:
    """Within an hour, and only where it is a number."""
    assert pause_of({"retry-after": header}) == seconds


def test_how_long_it_lasted() -> None:
    """In words that a tired person reads at a glance."""
    spans = [timedelta(seconds=20), timedelta(minutes=12), timedelta(hours=3, minutes=5)]
    assert [in_words(span) for span in spans] == ["less than a minute", "12 min", "3 h 5 min"]


def test_a_kind_that_this_release_does_not_know() -> None:
    """A newer worker's database opened it: better few words than none."""
    text = message_of(replace(PAUSED, kind="new", subject="It"), "here")
    assert text.startswith("meshqueue at here: something is wrong: It")


def test_a_beginning_and_an_end_in_one_message() -> None:
    """What was over before anybody could be told is told once."""
    over = PAUSED.began_at + timedelta(minutes=3)
    text = message_of(replace(PAUSED, over_at=over), "here")
    assert text.startswith("meshqueue at here: MESHY is paused")
    assert text.endswith("It is over by now, after 3 min.")


async def test_a_worker_tells_it(
    db: Database, channel: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole worker, whose provider refuses the key, says so; and says when it is open again."""
    monkeypatch.setattr(daemon_module, "LOOK_EVERY", 0.1)
    with Simulator(seed=1, speed=200) as simulator:
        plan = plan_for(db, simulator, tmp_path, alert=Alert(channel.url, "the tests"))
        async with working(plan):
            db.admin.execute(
                "select meshqueue.pause_provider('TRIPO', 'TRIPO key', 'unauthorised')"
            )
            await until(lambda: channel.posted, "the message")
            db.admin.execute("select meshqueue.resume_provider('TRIPO', 'TRIPO key')")
            await until(lambda: len(channel.posted) == 2, "the message that it is over")
    assert "TRIPO is paused" in texts(channel)[0]
    assert "TRIPO is open again" in texts(channel)[1]
