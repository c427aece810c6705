"""The environment as one typed object. Variables are documented in .env.example."""

import os
import sys
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from worker.errors import SettingsError

TRANSACTION_POOLER_PORT = "6543"
OTHER_BUCKETS = ("inputs", "templates")  # what users upload, and what is public


def default_home() -> Path:
    """Where this system keeps the data of a user's programs."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "meshqueue"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "meshqueue"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_ignore_empty=True,
        hide_input_in_errors=True,  # what is wrong may be a secret
    )

    database_url: SecretStr | None = None
    local: bool = Field(default=False, validation_alias="MESHQUEUE_LOCAL")
    home: Path = Field(default_factory=default_home, validation_alias="MESHQUEUE_HOME")
    simulate: bool = Field(default=False, validation_alias="MESHQUEUE_SIMULATE")
    port: int | None = Field(default=None, ge=0, le=65535)
    public_url: str | None = Field(default=None, validation_alias="MESHQUEUE_PUBLIC_URL")

    meshy_api_key: SecretStr | None = None
    meshy_webhook_secret: SecretStr | None = None
    meshy_ai_model: str = "meshy-6"
    meshy_requests_per_second: int = Field(default=20, ge=1, le=1000)
    tripo_api_key: SecretStr | None = None
    tripo_webhook_secret: SecretStr | None = None
    tripo_model: str = "v3.1-20260211"

    supabase_url: str | None = None
    supabase_service_role_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY"),
    )
    generated_assets_bucket_name: str = "assets"

    metrics_token: SecretStr | None = None
    alert_webhook_url: SecretStr | None = None
    alert_waiting_minutes: int = Field(default=30, ge=1, le=100_000)
    storage_quota_gb: float = Field(default=1.0, ge=0, le=1_000_000)
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None

    asset_max_mb: int = Field(default=100, ge=1, le=2000)
    optimiser_processes: int | None = Field(default=None, ge=1, le=64)

    @field_validator("generated_assets_bucket_name")
    @classmethod
    def keeps_models_apart(cls, bucket: str) -> str:
        if bucket in OTHER_BUCKETS:
            raise ValueError(f"{bucket} has another purpose; name a private bucket for the models")
        return bucket

    @property
    def local_postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def local_storage(self) -> Path:
        return self.home / "storage"


def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explained(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "it is no text in UTF-8")
        raise SettingsError(f".env can't be read: {why}. Correct it, or who may read it.") from None


def require_database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL is not set. Set it to your Supabase project's session pooler or direct "
            "connection (dashboard: Connect), or say --local to use a Postgres in a folder."
        )
    url = settings.database_url.get_secret_value()
    refuse_transaction_pooler(url)
    return url


def refuse_transaction_pooler(url: str) -> None:
    """It gives another connection to each transaction: LISTEN hears nothing, locks don't hold."""
    host, ports = _address(url)
    if TRANSACTION_POOLER_PORT in ports.split(","):
        raise SettingsError(
            f"DATABASE_URL names a transaction pooler ({host}:{ports}), through which wake-ups "
            "and session locks don't work. Use the session pooler: the same address with port "
            "5432. Or the direct connection: db.<project>.supabase.co:5432."
        )


def _address(url: str) -> tuple[str, str]:
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        raise SettingsError(
            "DATABASE_URL can't be read. It should look like "
            "postgresql://user:password@host:5432/postgres, with special characters in the "
            "password percent-encoded."
        ) from None
    return str(parts.get("host", "localhost")), str(parts.get("port", "5432"))


def _explained(error: ValidationError) -> str:
    lines = [f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()]
    return "the environment is not right. " + "; ".join(str(line) for line in lines)
