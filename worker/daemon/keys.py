"""The providers that this worker serves: those with a key, or all of them when it simulates."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from worker.errors import SettingsError
from worker.pipeline.held import Served
from worker.settings import Settings

SHOWN = 16  # hex digits of a key's SHA-256: enough to tell keys apart, no help to guess one


@dataclass(frozen=True, slots=True)
class Key:
    provider: str
    secret: str
    base_url: str | None = None
    """Of a simulator; the provider's own where it is left out."""

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.secret.encode()).hexdigest()[:SHOWN]


def keys_of(settings: Settings) -> list[Key]:
    found: Mapping[str, SecretStr | None] = {
        "MESHY": settings.meshy_api_key,
        "TRIPO": settings.tripo_api_key,
    }
    return [Key(name, key.get_secret_value()) for name, key in found.items() if key is not None]


def require_keys(served: Mapping[str, Served]) -> None:
    if not served:
        raise SettingsError(
            "no provider has a key: set MESHY_API_KEY or TRIPO_API_KEY, or both. Without an "
            "account, try it with --local, which uses the simulator."
        )


def serves(served: Mapping[str, Served]) -> dict[str, str]:
    return {name: each.fingerprint for name, each in served.items()}
