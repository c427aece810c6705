"""Settings as people find them: in .env.example and in the README."""

import re

import pytest

from tests.docs.pages import section
from tests.support.cache import CHECKOUT
from tests.support.database import Database
from worker.settings import Settings

BLOCK = re.compile(r"((?:^#.*\n)+)^([A-Z][A-Z_]+)=$", re.MULTILINE)
NAME_AND_DEFAULT = re.compile(r"`([a-z_]+)(?:_<(?:stage|provider)>)*`(?: (\w+))?")
OTHER_NAMES = {"SUPABASE_SECRET_KEY"}
WITHOUT_DEFAULT = {"max_provider_credits_per_day"}


def variables() -> dict[str, object]:
    """Each with its default; None where there is none, or where the machine decides."""
    found = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        documented = alias if isinstance(alias, str) else name
        found[documented.upper()] = None if field.default_factory else field.default
    return found


def example() -> dict[str, str]:
    """What .env.example says about each variable."""
    text = (CHECKOUT / ".env.example").read_text()
    return {name: comment for comment, name in BLOCK.findall(text)}


def test_each_variable_is_explained() -> None:
    """.env.example has every setting and no other, and more than its name to say about it."""
    assert example().keys() == variables().keys()


@pytest.mark.parametrize("name", variables())
def test_the_default_is_the_one_in_force(name: str) -> None:
    """Who leaves a variable empty gets what .env.example says."""
    default, comment = variables()[name], example()[name]
    if default is None:
        assert "# No default: " in comment
    else:
        said = "false" if default is False else str(default)
        assert f"# Default: {said}\n" in comment


def test_the_readme_names_every_variable() -> None:
    """The README's table has every setting of the worker, and none that nothing reads."""
    text = section(CHECKOUT / "README.md", "Settings")
    assert set(re.findall(r"`([A-Z][A-Z_]+)`", text)) == variables().keys() | OTHER_NAMES


@pytest.mark.newest_postgres
def test_the_readme_names_every_row_of_app_settings(db: Database) -> None:
    """Each known key stands in the README with the default that is in force."""
    rows = db.admin.rows("select key, default_value from meshqueue.setting_rules")
    said = said_of_app_settings()
    assert {row["key"]: row["default_value"] for row in rows} == said


def said_of_app_settings() -> dict[str, str | None]:
    text = section(CHECKOUT / "README.md", "Settings").split("variables of the environment")[0]
    found = NAME_AND_DEFAULT.findall(text)
    return {
        f"credit_cost{name}" if name.startswith("_") else name: default or None
        for name, default in found
        if default or name in WITHOUT_DEFAULT
    }
