import os
import re
from pathlib import Path

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tests.support.cache import CHECKOUT
from worker.errors import SettingsError
from worker.settings import (
    Settings,
    load_settings,
    refuse_transaction_pooler,
    require_database_url,
)

URL = "postgresql://postgres:s3cret@db.example.co:5432/postgres"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for field_name, field in Settings.model_fields.items():
        for name in names_of(field_name, field):
            monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def variables() -> set[str]:
    fields = Settings.model_fields.items()
    return {names_of(name, field)[0].upper() for name, field in fields}


def names_of(name: str, field: FieldInfo) -> list[str]:
    """The documented one first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or name)]


def test_the_example_names_every_variable_and_no_other() -> None:
    """.env.example can be trusted: it lists exactly what is read."""
    example = (CHECKOUT / ".env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) == variables()


def test_the_untouched_example_sets_nothing(tmp_path: Path) -> None:
    """Copying .env.example without filling it in is the same as having none."""
    (tmp_path / ".env").write_text((CHECKOUT / ".env.example").read_text())
    with_example = load_settings()
    (tmp_path / ".env").unlink()
    assert with_example == load_settings()


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing or logging the settings does not tell the database's password."""
    monkeypatch.setenv("DATABASE_URL", URL)
    assert "s3cret" not in repr(load_settings())
    assert require_database_url(load_settings()) == URL


def test_a_wrong_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable; what was in it may be a secret."""
    monkeypatch.setenv("MESHQUEUE_LOCAL", "s3cret")
    with pytest.raises(SettingsError, match="MESHQUEUE_LOCAL") as refusal:
        load_settings()
    assert "s3cret" not in str(refusal.value)


def test_models_have_a_bucket_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the public one everybody could open them; in that of the inputs nobody."""
    for name in ("templates", "inputs"):
        monkeypatch.setenv("GENERATED_ASSETS_BUCKET_NAME", name)
        with pytest.raises(SettingsError, match=rf"generated_assets_bucket_name.*{name}"):
            load_settings()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """One line, as for any other wrong setting."""
    (tmp_path / ".env").write_bytes(b"MESHY_API_KEY=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env can't be read: it is no text in UTF-8"):
        load_settings()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_named(tmp_path: Path) -> None:
    """As a service's own user meets it, in the folder where the settings were tried out."""
    (tmp_path / ".env").touch(mode=0o000)
    with pytest.raises(SettingsError, match=r"^\.env can't be read: Permission denied"):
        load_settings()


def test_a_missing_database_is_refused() -> None:
    """Without DATABASE_URL the message names it, and --local."""
    with pytest.raises(SettingsError, match=r"DATABASE_URL.*--local"):
        require_database_url(load_settings())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres.abc:s3cret@aws-0-eu.pooler.supabase.com:6543/postgres",
        "postgres://postgres:s3cret@db.abc.supabase.co:6543/postgres?sslmode=require",
        "host=a,b port=5432,6543 user=postgres password=s3cret",
    ],
)
def test_a_transaction_pooler_is_refused(url: str) -> None:
    """The message says what to use instead, and keeps the password to itself."""
    with pytest.raises(SettingsError, match="5432") as refusal:
        refuse_transaction_pooler(url)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [URL, "postgresql://p@/postgres?host=%2Ftmp", "host=aws-0-eu.pooler.supabase.com port=5432"],
)
def test_session_pooler_direct_and_socket_are_fine(url: str) -> None:
    """Whatever keeps one session for one client is accepted."""
    refuse_transaction_pooler(url)


def test_an_unreadable_url_is_not_repeated() -> None:
    """A URL that can't be parsed gives the form it should have, not the secret in it."""
    with pytest.raises(SettingsError, match="percent-encoded") as refusal:
        refuse_transaction_pooler("postgresql://p:s3cret@host:port:5432/x y")
    assert "s3cret" not in str(refusal.value)


def test_the_folder_of_local_data_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """MESHQUEUE_HOME wins over the place that the system suggests."""
    monkeypatch.setenv("MESHQUEUE_HOME", str(tmp_path / "mine"))
    assert load_settings().local_postgres == tmp_path / "mine" / "postgres"
