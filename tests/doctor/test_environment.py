"""Variables that nothing reads."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.doctor.place import Place
from worker.doctor.examined import variables
from worker.doctor.finding import Level

pytestmark = pytest.mark.newest_postgres


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MESHY_APIKEY", "is MESHY_API_KEY meant?"),
        ("DATABASE_URI", "is DATABASE_URL meant?"),
        ("SUPABASE_SERVICE_KEY", "is SUPABASE_SERVICE_ROLE_KEY meant?"),
        ("MESHQUEUE_VERBOSE", "unknown"),
        ("MESHY_INTERNAL_KEY", "older set-up"),
        ("OPENAI_API_KEY", "does not read it"),
    ],
)
async def test_a_variable_that_nothing_reads(place: Place, name: str, told: str) -> None:
    """A typo, an old name, one of a later release: named, with what was probably meant."""
    finding = await place.finds("variables", Level.WARNING, variables={name: "secret value"})
    assert f"{name}: " in finding.what
    assert told in finding.what
    assert "secret value" not in finding.what


@pytest.mark.parametrize("name", ["MESHY_API_KEY", "SUPABASE_SECRET_KEY", "PGPORT", "HOME", "path"])
async def test_a_variable_that_is_read_or_not_ours(place: Place, name: str) -> None:
    """What we read, and what belongs to other programs, is no finding."""
    found = await place.findings(variables={name: "value", "MESHY_APIKEY": ""})
    assert found["variables"].level is Level.OK


async def test_a_variable_that_is_like_one_that_is_set(place: Place) -> None:
    """It is no typo of it: an environment shared with an app has names like ours."""
    both = {"SUPABASE_URL": "value", "SUPABASE_DB_URL": "value"}
    found = await place.findings(variables=both)
    assert found["variables"].level is Level.OK


@pytest.mark.parametrize("url", ["http://hooks.example.com/secret", "hooks.example.com/secret"])
async def test_alarms_that_nobody_would_hear(place: Place, url: str) -> None:
    """The worker goes on without them; the address, which is a secret, is not shown."""
    given = {"alert_webhook_url": SecretStr(url)}
    finding = await place.finds("alarms", Level.FAILING, settings=given)
    assert "ALERT_WEBHOOK_URL" in finding.what
    assert "secret" not in finding.what + finding.what_to_do


async def test_alarms_that_somebody_hears(place: Place) -> None:
    """Where to is told by the host alone, and nothing is sent."""
    given = {"alert_webhook_url": SecretStr("https://hooks.slack.com/services/secret")}
    finding = (await place.findings(settings=given))["alarms"]
    assert (finding.level, finding.what) == (Level.OK, "told to hooks.slack.com")


def test_variables_of_the_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """.env is read as `run` reads it: the environment wins."""
    monkeypatch.setenv("MESHY_MODELL", "here")
    (tmp_path / ".env").write_text("MESHY_MODELL=there\nMESHY_KEEY=value\n")
    found = variables(tmp_path / ".env")
    assert (found["MESHY_MODELL"], found["MESHY_KEEY"]) == ("here", "value")
