import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cache import servers_folder


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter; pytest's own is closed to all but the tester."""
    with tempfile.TemporaryDirectory(dir=servers_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
