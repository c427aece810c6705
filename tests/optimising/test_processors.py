"""How many processors there are for us, and not for the host."""

import os
from pathlib import Path

import pytest

from worker.optimising import processors

PLENTY = 1_000


@pytest.fixture(autouse=True)
def large_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files decide, not the machine that runs the tests."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(PLENTY), raising=False)


def write(folder: Path, **files: str) -> Path:
    (folder / "cpu").mkdir()
    places = {"new": "cpu.max", "quota": "cpu/cpu.cfs_quota_us", "period": "cpu/cpu.cfs_period_us"}
    for name, text in files.items():
        (folder / places[name]).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"new": "200000 100000\n"}, 2),
        ({"new": "150000 100000\n"}, 2),
        ({"new": "50000 100000\n"}, 1),
        ({"new": "max 100000\n"}, PLENTY),
        ({"new": "nonsense"}, PLENTY),
        ({"new": "100000 0\n"}, PLENTY),
        ({"quota": "400000\n", "period": "100000\n"}, 4),
        ({"quota": "-1\n", "period": "100000\n"}, PLENTY),
        ({"quota": "400000\n"}, PLENTY),
        ({"new": "300000 100000\n", "quota": "400000\n", "period": "100000\n"}, 3),
        ({}, PLENTY),
    ],
)
def test_the_quota_of_the_container_counts(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    """Both versions of cgroups are read; what can't be read is no limit."""
    assert processors(write(tmp_path, **files)) == expected


def test_the_processors_that_we_are_bound_to_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota of eight on three processors is three."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(3), raising=False)
    assert processors(write(tmp_path, new="800000 100000")) == 3


def test_there_is_always_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows nothing, one is safe."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors(tmp_path) == 1
