"""From the environment to what a worker is started with."""

import platform
from pathlib import Path

import pytest

from worker.daemon.start import alert_of, collector_of, plan_of, supply
from worker.settings import Settings
from worker.storage.folder import FolderStorage

HOSTED = "postgresql://postgres@db.example.com:5432/postgres"
SECRETS = {
    "METRICS_TOKEN": "token-secret",
    "ALERT_WEBHOOK_URL": "https://hooks.slack.com/services/webhook-secret",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=collector-secret",
}


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no `.env` of this machine is read."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_nothing_is_on_by_default() -> None:
    """No address, no alarm; no collector, no trace."""
    assert alert_of(Settings(), HOSTED) is None
    assert collector_of(Settings()) is None


def test_an_alarm_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project where there is one, else the database: several may tell one channel."""
    monkeypatch.setenv("ALERT_WEBHOOK_URL", SECRETS["ALERT_WEBHOOK_URL"])
    monkeypatch.setenv("STORAGE_QUOTA_GB", "100")
    alert = alert_of(Settings(), HOSTED)
    assert alert is not None
    assert (alert.place, alert.quota_bytes, alert.waiting_minutes) == ("db.example.com", 10**11, 30)
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co")
    named = alert_of(Settings(), HOSTED)
    assert named is not None
    assert named.place == "abc.supabase.co"
    monkeypatch.delenv("SUPABASE_URL")
    local = alert_of(Settings(), "host=/run/postgresql dbname=postgres")
    assert local is not None
    assert local.place == platform.node()


def test_a_workers_plan_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where somebody prints it."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MESHY_WEBHOOK_SECRET", "hook-secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    settings = Settings()
    with supply(settings, simulate_missing=True) as supplied:
        plan = plan_of(settings, HOSTED, supplied, FolderStorage(tmp_path))
    assert plan.metrics_token == "token-secret"
    assert plan.collector is not None
    assert plan.collector.headers == "authorization=collector-secret"
    assert plan.alert is not None
    assert not any(value in repr(plan) for value in (*SECRETS.values(), HOSTED, "hook-secret"))
