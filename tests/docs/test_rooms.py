"""worker/README.md and the house itself."""

import re

from tests.support.cache import CHECKOUT

ROOM = re.compile(r"^\| ((?:`[\w.]+`(?:, )?)+) \|", re.MULTILINE)
SILENT = {"__init__.py", "__main__.py", "py.typed"}


def rooms() -> set[str]:
    house = CHECKOUT / "worker"
    folders = {path.parent.name for path in house.glob("*/__init__.py")}
    return folders | {path.name for path in house.glob("*.py")} - SILENT


def test_each_room_is_named() -> None:
    """Whoever opens the folder finds each package and file explained, and none that is gone."""
    text = (CHECKOUT / "worker" / "README.md").read_text()
    named = {name for line in ROOM.findall(text) for name in re.findall(r"`([\w.]+)`", line)}
    assert named == rooms()
