"""A place where all is well, and how a test says what the doctor should find there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from tests.support.database import Database
from tests.support.storage_server import SECRET_KEY, StorageServer
from worker.daemon.keys import Key
from worker.doctor.check import Checked
from worker.doctor.examination import examine
from worker.doctor.examined import Examined
from worker.doctor.expected import Catalog
from worker.doctor.finding import Finding, Level
from worker.settings import Settings
from worker.simulator import Simulator

FINE = (Level.OK, Level.SKIPPED)


@dataclass(frozen=True)
class Place:
    db: Database
    storage: StorageServer
    simulator: Simulator
    expected: Catalog

    def examined(self, *, settings: Mapping[str, Any] | None = None, **changes: Any) -> Examined:
        given = Examined(
            settings_of(self, **(settings or {})),
            self.db.url(),
            keys=keys_of(self.simulator),
            expected=self.expected,
        )
        return replace(given, **changes)

    async def findings(self, **changes: Any) -> dict[str, Finding]:
        return by_name(await examine(self.examined(**changes)))

    async def finds(
        self, name: str, level: Level, *, also: tuple[str, ...] = (), **changes: Any
    ) -> Finding:
        """This one, and nothing else but what follows from it."""
        found = await self.findings(**changes)
        wrong = {each: finding for each, finding in found.items() if finding.level not in FINE}
        assert set(wrong) == {name, *also}, wrong
        assert found[name].level is level, found[name]
        assert found[name].what_to_do, found[name]
        return found[name]


def by_name(made: list[Checked]) -> dict[str, Finding]:
    return {each.check.name: each.finding for each in made}


def settings_of(place: Place, **changes: Any) -> Settings:
    """Without a look at this machine's environment."""
    given = {
        "database_url": SecretStr(place.db.url()),
        "supabase_url": place.storage.url,
        "supabase_service_role_key": SecretStr(SECRET_KEY),
        "port": 0,
    }
    return Settings.model_construct(**{**given, **changes})


def keys_of(simulator: Simulator) -> tuple[Key, ...]:
    accounts = {"MESHY": simulator.meshy, "TRIPO": simulator.tripo}
    return tuple(Key(name, account.key, account.url) for name, account in accounts.items())
