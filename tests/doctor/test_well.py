"""Where all is well the doctor says so, and what it expects of the catalog is up to date."""

import json
from pathlib import Path

from tests.doctor.place import FINE, Place, by_name
from worker.doctor.checks import CHECKS
from worker.doctor.examination import examine
from worker.doctor.expected import Catalog, read_expected
from worker.doctor.report import as_json, exit_code


async def test_all_is_well(place: Place) -> None:
    """No warning where nothing is wrong, every check was made, and the storage is as before."""
    made = await examine(place.examined())
    wrong = {n: f for n, f in by_name(made).items() if f.level not in FINE}
    assert not wrong
    assert [each.check for each in made] == list(CHECKS)
    assert exit_code(made) == 0
    assert json.loads(json.dumps(as_json(made)))["verdict"] == "ok"
    assert place.storage.stored("assets") == {}


async def test_names_are_unique() -> None:
    """A check is named by what it needs, and by whoever reads the JSON."""
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert {need for check in CHECKS for need in check.needs} <= set(names)


def test_the_manifest_is_fresh(expected: Catalog) -> None:
    """expected.json says what the migrations make, on any version of Postgres."""
    packaged = read_expected()
    assert packaged.made_from == expected.made_from, "run `make manifest`"
    assert packaged == expected, "run `make manifest`"


def test_the_manifest_is_written_from_nothing(tmp_path: Path, expected: Catalog) -> None:
    """`make manifest` needs no database and writes what the migrations make."""
    from tests.doctor.manifest import write  # noqa: PLC0415 - starts a server of its own

    write(tmp_path / "expected.json")
    assert read_expected(tmp_path / "expected.json") == expected
