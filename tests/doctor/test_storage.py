"""The storage: refusing, silent, nearly full, or not named at all."""

import re

import pytest
from pydantic import SecretStr

from tests.doctor.place import Place
from tests.support.storage_server import Answer, Cut, Delay
from worker.doctor.checks import storage
from worker.doctor.finding import Level

pytestmark = pytest.mark.newest_postgres


async def test_a_storage_that_refuses(place: Place) -> None:
    """A bucket that takes nothing is found before a paid model meets it."""
    place.storage.script("upload", Answer(403, "Unauthorized", "new row violates policy"))
    finding = await place.finds("round trip", Level.FAILING)
    assert "can't write to the bucket assets" in finding.what


async def test_a_storage_without_room(place: Place) -> None:
    """What the storage says of its quota is told."""
    place.storage.script("upload", Answer(402, "Payment Required", "quota exceeded"))
    assert "quota" in (await place.finds("round trip", Level.FAILING)).what


async def test_a_storage_that_does_not_give_back(place: Place) -> None:
    """Written and not readable is a fault, and the probe is taken away all the same."""
    place.storage.script("read", Answer(500, "Internal", "it broke"))
    assert "can't read from" in (await place.finds("round trip", Level.FAILING)).what
    assert place.storage.stored("assets") == {}


async def test_a_storage_that_is_slow(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe that came too late to be read is taken away all the same."""
    monkeypatch.setattr("worker.doctor.checks.storage.TO_AND_FRO", 1.0)
    place.storage.script("read", Delay(3))
    assert "in time" in (await place.finds("round trip", Level.FAILING)).what
    assert place.storage.stored("assets") == {}


async def test_a_storage_that_does_not_remove(place: Place) -> None:
    """What can't be removed is named, so that a person can."""
    place.storage.script("remove", Answer(500, "Internal", "it broke"))
    finding = await place.finds("round trip", Level.FAILING)
    (left,) = place.storage.stored("assets")
    assert f"can't remove {left}" in finding.what


async def test_a_storage_that_hangs_up(place: Place) -> None:
    """A cut connection is a finding, not a crash."""
    place.storage.script("upload", Cut.BEFORE)
    assert "no answer" in (await place.finds("round trip", Level.FAILING)).what


async def test_a_key_of_another_project(place: Place) -> None:
    """The variable that holds the refused key is named, the key is not printed."""
    wrong = {"supabase_service_role_key": SecretStr("sb_secret_wrong")}
    finding = await place.finds("round trip", Level.FAILING, settings=wrong)
    assert "SUPABASE_SERVICE_ROLE_KEY" in finding.what
    assert "sb_secret_wrong" not in finding.what + finding.what_to_do


async def test_the_publishable_key(place: Place) -> None:
    """Known by its first letters, so that nobody looks for the fault in policies."""
    wrong = {"supabase_service_role_key": SecretStr("sb_publishable_x")}
    finding = await place.finds("storage", Level.FAILING, settings=wrong)
    assert "publishable" in finding.what


@pytest.mark.parametrize("variable", ["supabase_url", "supabase_service_role_key"])
async def test_no_storage_is_named(place: Place, variable: str) -> None:
    """The variable that is missing is named; the round trip is skipped."""
    finding = await place.finds("storage", Level.FAILING, settings={variable: None})
    assert variable.upper() in finding.what


DIRECT = "postgresql://postgres:x@db.{}.supabase.co:5432/postgres"
POOLED = "postgresql://postgres.{}:x@aws-0-eu-west-1.pooler.supabase.com:5432/postgres"


@pytest.mark.parametrize("url", [DIRECT, POOLED])
async def test_two_projects(place: Place, url: str) -> None:
    """Jobs in the one and models in the other would each work, and no app would find a model."""
    given = {"supabase_url": "https://staging.supabase.co"}
    wrong = await storage.given(place.examined(url=url.format("live"), settings=given))
    assert wrong.level is Level.FAILING
    assert {"staging", "live"} <= set(re.findall(r"\w+", wrong.what))
    right = await storage.given(place.examined(url=url.format("staging"), settings=given))
    assert right.level is Level.OK


@pytest.mark.parametrize("address", ["https://api.example.com", "http://127.0.0.1:54321"])
async def test_an_address_that_names_no_project(place: Place, address: str) -> None:
    """A domain of its own, the local stack: nothing is compared."""
    given = {"supabase_url": address}
    found = await storage.given(place.examined(url=DIRECT.format("live"), settings=given))
    assert found.level is Level.OK


async def test_an_address_that_is_none(place: Place) -> None:
    """A mistyped SUPABASE_URL is told with what it should look like."""
    finding = (await place.findings(settings={"supabase_url": "project"}))["round trip"]
    assert finding.level is Level.FAILING
    assert "https://<project>.supabase.co" in finding.what


@pytest.fixture
def large(place: Place) -> None:
    place.db.superuser().execute(
        "insert into storage.objects (bucket_id, name, metadata)"
        " values ('inputs', 'large', '{\"size\": 850000000}')"
    )


@pytest.mark.usefixtures("large")
async def test_a_storage_that_is_nearly_full(place: Place) -> None:
    """Against the free plan's gigabyte, over every bucket."""
    finding = await place.finds("used", Level.WARNING)
    assert "850.0 MB" in finding.what


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("quota", [0, 100])
async def test_a_storage_of_a_larger_plan(place: Place, quota: float) -> None:
    """What STORAGE_QUOTA_GB says counts, as for the alarm: a paid plan is not warned for ever."""
    found = await place.findings(settings={"storage_quota_gb": quota})
    assert found["used"].level is Level.OK
