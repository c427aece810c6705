"""What there is to look at."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from worker.daemon.keys import Key, keys_of
from worker.doctor.expected import Catalog, read_catalog, read_expected
from worker.doctor.link import Link
from worker.doctor.once import Once
from worker.settings import Settings


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Examined:
    settings: Settings
    url: str = ""
    """The database; empty where none is named."""
    local: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    """The environment, and what `.env` adds to it."""
    keys: tuple[Key, ...] = ()
    clock: Callable[[], datetime] = now
    expected: Catalog = field(default_factory=read_expected)
    database: Link = field(init=False)
    catalog: Once[Catalog] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "database", Link(self.url))
        object.__setattr__(self, "catalog", Once(lambda: read_catalog(self.url)))

    def without_secrets(self, text: str) -> str:
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _secrets(self) -> set[str]:
        kept = [value for _, value in self.settings if isinstance(value, SecretStr)]
        texts = {secret.get_secret_value() for secret in kept} | {key.secret for key in self.keys}
        return {text for text in (*texts, password_of(self.url)) if text}


def password_of(url: str) -> str:
    try:
        return str(conninfo_to_dict(url).get("password", ""))
    except Exception:  # noqa: BLE001 - what can't be read is told by a check, without its text
        return ""


def examined_here(settings: Settings, url: str, *, local: bool) -> Examined:
    return Examined(
        settings, url, local=local, variables=variables(), keys=tuple(keys_of(settings))
    )


def variables(env_file: Path = Path(".env")) -> Mapping[str, str]:
    written = dotenv_values(env_file) if env_file.is_file() else {}
    return {**{name: value or "" for name, value in written.items()}, **os.environ}
