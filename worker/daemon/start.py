"""From settings to a running worker: what it serves, where it keeps files, what it prints."""

import asyncio
import os
import platform
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from worker.daemon.daemon import Daemon, Plan
from worker.daemon.keys import Key, keys_of, require_keys
from worker.database.connection import CONNECTION_BUDGET
from worker.errors import SettingsError
from worker.http.server import DEFAULT_PORT
from worker.optimising import processors
from worker.pipeline.held import Served
from worker.providers import PROVIDERS, open_provider
from worker.settings import Settings
from worker.simulator import Simulator
from worker.storage.folder import FolderStorage
from worker.storage.protocol import Storage
from worker.storage.supabase import SupabaseStorage
from worker.telemetry.alarms import Alert
from worker.telemetry.traces import Collector

EXIT_AT_ONCE = 130


@dataclass(frozen=True, slots=True)
class Supply:
    """The providers that a worker serves, and those of them that are simulated."""

    served: Mapping[str, Served]
    simulated: tuple[str, ...]
    hosts: frozenset[str] = frozenset()
    """Of the simulator, as they stand in its links."""


@contextmanager
def supply(settings: Settings, *, simulate_missing: bool, speed: float = 1.0) -> Iterator[Supply]:
    """Real providers where there is a key. The others from the simulator, if that is wanted."""
    keys = keys_of(settings)
    missing = [name for name in PROVIDERS if name not in {key.provider for key in keys}]
    if not simulate_missing or not missing:
        yield Supply(serve(settings, keys), ())
        return
    with Simulator(seed=0, speed=speed) as simulator:
        accounts = {"MESHY": simulator.meshy, "TRIPO": simulator.tripo}
        made_up = [Key(name, accounts[name].key, accounts[name].url) for name in missing]
        served = serve(settings, [*keys, *made_up])
        yield Supply(served, tuple(missing), hosts_of(simulator))


def hosts_of(simulator: Simulator) -> frozenset[str]:
    return frozenset({urlsplit(simulator.meshy.url).netloc})


def serve(settings: Settings, keys: list[Key]) -> dict[str, Served]:
    options: dict[str, dict[str, Any]] = {
        "MESHY": {
            "model": settings.meshy_ai_model,
            "requests_per_second": settings.meshy_requests_per_second,
        },
        "TRIPO": {"model": settings.tripo_model},
    }
    return {key.provider: open_with(key, options[key.provider]) for key in keys}


def open_with(key: Key, options: Mapping[str, Any]) -> Served:
    provider = open_provider(key.provider, key.secret, address=key.base_url, **options)
    return Served(provider, key.fingerprint)


def plan_of(settings: Settings, url: str, supplied: Supply, storage: Storage) -> Plan:
    require_keys(supplied.served)
    secrets = {
        "MESHY": settings.meshy_webhook_secret,
        "TRIPO": settings.tripo_webhook_secret,
    }
    return Plan(
        database_url=url,
        served=supplied.served,
        storage=storage,
        bucket=settings.generated_assets_bucket_name,
        optimisers=settings.optimiser_processes or processors(),
        plain_http_hosts=supplied.hosts,
        webhook_secrets={
            name: (secret.get_secret_value(),) for name, secret in secrets.items() if secret
        },
        most_bytes=settings.asset_max_mb * 1_000_000,
        port=settings.port,
        metrics_token=token.get_secret_value() if (token := settings.metrics_token) else None,
        alert=alert_of(settings, url),
        collector=collector_of(settings),
    )


def alert_of(settings: Settings, url: str) -> Alert | None:
    if settings.alert_webhook_url is None:
        return None
    return Alert(
        settings.alert_webhook_url.get_secret_value(),
        place_of(settings, url),
        settings.alert_waiting_minutes,
        int(settings.storage_quota_gb * 1_000_000_000),
    )


def place_of(settings: Settings, url: str) -> str:
    """As people know it: several may tell one channel."""
    project = settings.supabase_url and urlsplit(settings.supabase_url).hostname
    host = str(conninfo_to_dict(url).get("host") or "")
    return project or (platform.node() if not host or host.startswith("/") else host)


def collector_of(settings: Settings) -> Collector | None:
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    headers = settings.otel_exporter_otlp_headers
    return Collector(
        settings.otel_exporter_otlp_endpoint, headers.get_secret_value() if headers else ""
    )


def hosted_storage(settings: Settings) -> SupabaseStorage:
    """Where a database of Supabase is, its storage is too."""
    url, key = settings.supabase_url, settings.supabase_service_role_key
    if url is None or key is None:
        missing = "SUPABASE_URL" if url is None else "SUPABASE_SERVICE_ROLE_KEY"
        raise SettingsError(
            f"{missing} is not set: finished models are kept in your project's Storage. Both stand "
            "in the dashboard under Settings, API; the key is the secret one (service_role or "
            "sb_secret_…). Or say --local to keep files in a folder."
        )
    return SupabaseStorage(url, key.get_secret_value())


def local_storage(settings: Settings, *, served: bool) -> FolderStorage:
    """Served by the worker's HTTP face, at the same paths as hosted."""
    address = f"http://127.0.0.1:{settings.port or DEFAULT_PORT}" if served else None
    return FolderStorage(settings.local_storage, address)


def describe(supplied: Supply) -> list[str]:
    names = [
        f"{name.title()} (simulated)" if name in supplied.simulated else name.title()
        for name in supplied.served
    ]
    return [
        f"providers    {', '.join(names)}",
        f"connections  at most {CONNECTION_BUDGET} to the database",
    ]


async def run_until_stopped(plan: Plan) -> int:
    daemon = Daemon(plan)
    leave_by_signal(daemon)
    return await daemon.run()


def leave_by_signal(daemon: Daemon) -> None:
    """The first signal drains, the second ends the process at once."""

    def asked() -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, os._exit, EXIT_AT_ONCE)
        daemon.stop()

    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, asked)
