"""Whatever downloads and the storage do, in any order: each job ends well, waits, or pays back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chaos.worlds import LONG
from tests.delivery.house import House
from tests.delivery.pieces import travel_in_pieces
from tests.support import jobs
from tests.support.daemon import LOOK_EVERY
from tests.support.jobs import Row, rich_user
from tests.support.storage_server import Answer, Cut, Delay, Expired
from tests.support.storage_server import Fault as StorageFault
from tests.support.storage_server.faults import Operation
from worker.daemon.daemon import Daemon
from worker.pipeline.delivery import keeping
from worker.simulator import Fault, Rule

pytestmark = [pytest.mark.newest_postgres, pytest.mark.timeout(3600)]

LAMP: Row = {"prompt": "a lamp", "refine": False}
CREDITS = 100
PIECE = 9_000  # bytes, in place of 6 MiB: a small model then goes up in several, too
ALWAYS = None

DAMAGE = Fault.DOWNLOAD_ERROR_PAGE
DOWNLOADS = [
    DAMAGE,
    Fault.DOWNLOAD_TRUNCATED,
    Fault.URL_EXPIRED,
    Fault.ANSWER_5XX,
    Fault.ANSWER_DROPPED,
    Fault.CONNECTION_REFUSED_OR_RESET,
]
PASSING: list[StorageFault | None] = [
    *(None, *Cut, Delay(0.2), Answer(500), Answer(503, message="<html>", wrapped=False)),
    *(Answer(429, "SlowDown"), Answer(544, "DatabaseTimeout")),
]
FULL = [Answer(402, "Payment Required", "exceed_storage_size_quota"), Answer(507, wrapped=False)]
TOO_LARGE = Answer(413, "Payload too large", "The object exceeded the maximum allowed size")
DUPLICATE = Answer(409, "Duplicate", "The resource already exists")
DENIED = Answer(403, "Unauthorized", "Invalid Compact JWS")
TUS_GONE = Answer(410, message="The file for this url has expired", wrapped=False)
ANYWHERE = [*PASSING, *FULL, TOO_LARGE, DENIED, DUPLICATE]
POSSIBLE: dict[Operation, Sequence[StorageFault | None]] = {
    "upload": ANYWHERE,
    "create": ANYWHERE,
    "append": [*ANYWHERE, TUS_GONE, Expired()],
    "look": [*PASSING, TUS_GONE, Expired()],
    "info": PASSING,
}


@dataclass(frozen=True)
class Script:
    downloads: tuple[Rule, ...]
    storage: dict[Operation, list[StorageFault | None]]

    @property
    def must_fail(self) -> bool:
        return any(rule.times is ALWAYS for rule in self.downloads)


def download_rule(fault: Fault, after: int, times: int | None) -> Rule:
    return Rule(fault, "meshy", "download", after=after, times=times)


rules = st.builds(
    download_rule,
    st.sampled_from(DOWNLOADS),
    after=st.integers(0, 3),
    times=st.integers(1, 4),
)
hopeless = st.builds(download_rule, st.just(DAMAGE), after=st.just(0), times=st.just(ALWAYS))
scripts = st.builds(
    Script,
    downloads=st.one_of(*[st.lists(rules, max_size=3).map(tuple)] * 4, st.tuples(hopeless)),
    storage=st.fixed_dictionaries(
        {
            operation: st.lists(st.sampled_from(faults), max_size=6)
            for operation, faults in POSSIBLE.items()
        }
    ),
)


@pytest.fixture
def pieces(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    travel_in_pieces(PIECE, monkeypatch.setattr)
    monkeypatch.setattr(keeping, "REFUSED", 0.3)
    house.storage.faults.midway = PIECE // 2


@pytest.fixture
async def daemon(house: House, haste: None, pieces: None) -> AsyncIterator[Daemon]:
    del haste, pieces
    async with house.working() as working:
        yield working


@settings(
    max_examples=200 if LONG else 6,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(script=scripts)
async def test_any_faults(house: House, daemon: Daemon, script: Script) -> None:
    """Whole objects and their rows, or all of it paid back and nothing kept; full fails nothing."""
    user = rich_user(house.db, CREDITS)
    house.simulator.script(*script.downloads)
    for operation, faults in script.storage.items():
        house.storage.script(operation, *faults)
    job = jobs.create_by_server(house.db, user, LAMP)
    ended = await the_end_of(house, daemon, job)
    house.simulator.forget_rules()
    house.storage.faults.clear()
    await house.remove_all(daemon)
    house.judge_rows()
    files = [(file["role"], file["format"]) for file in house.files(job["id"])]
    assert len(files) == len(set(files))
    if script.must_fail:
        assert (ended["status"], ended["error_code"]) == ("FAILED", "task_failed")
    if ended["status"] == "FAILED":
        assert jobs.account(house.db, user) == (CREDITS, 0)
        assert files == []
        return
    assert ended["status"] == "SUCCEEDED", ended["error_message"]
    assert ("model", "glb") in files
    assert [kind for kind, _, hold in jobs.ledger(house.db, job["id"]) if hold < 0] == ["settle"]


async def the_end_of(house: House, daemon: Daemon, job: Row) -> Row:
    """An operator makes room as often as the storage is full; no job has failed by then."""
    while (row := jobs.job(house.db, job["id"]))["status"] in ("QUEUED", "IN_PROGRESS"):
        if house.is_paused() and house.is_held():
            await daemon.engine.resume_deliveries()
        await asyncio.sleep(LOOK_EVERY)
    return row
