"""What an operator reads of a stage that is put off."""

import re
from pathlib import Path

from worker import pipeline
from worker.operating.situation import WAITS

GIVEN = re.compile(r'\b(?:Later|Wait)\("(\w+)"')


def test_each_reason_that_the_worker_gives_is_explained() -> None:
    """A word of the code's own says nothing to somebody tired."""
    sources = Path(pipeline.__file__).parent.rglob("*.py")
    given = {word for source in sources for word in GIVEN.findall(source.read_text())}
    assert {"fetch", "late"} <= given
    assert given <= WAITS.keys()
