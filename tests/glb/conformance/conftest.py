"""The judges, where node is; in CI they must be there."""

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.glb.conformance.browser import Browser, chromium, open_browser
from tests.glb.conformance.judges import Judges, find_judges
from tests.support.node import NotInstallableError


@pytest.fixture(scope="session")
def judges() -> Judges:
    try:
        return find_judges()
    except NotInstallableError as error:
        do_without(f"the judges of a GLB can't be run here: {error}")


@pytest.fixture(scope="session")
def browser(judges: Judges) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        do_without("there is no Chromium here; CHROME may name one")
    with open_browser(program, judges.packages) as opened:
        yield opened


def do_without(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
