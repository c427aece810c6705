"""Everything at once, in any order, and after each step every invariant."""

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.machine.clients import Clients
from tests.db.machine.ground import Ground
from tests.db.machine.lives import Lives
from tests.db.machine.operators import Operators
from tests.db.machine.publishers import Publishers
from tests.db.machine.stages import Stages
from tests.db.machine.storekeepers import Storekeepers
from tests.support.database import Database

LONG = bool(os.environ.get("MESHQUEUE_LONG"))

# After ten examples hypothesis makes most of them from parts of an earlier one, which finds
# little here: so there are many short searches. An ordinary run plays the same games each time,
# so that it never fails by luck; the long one plays new ones.
SEARCHES = 4
LONG_MINUTES = 20
PROFILE = settings(
    max_examples=10,
    stateful_step_count=150 if LONG else 80,
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Everybody(Clients, Operators, Lives, Stages):
    pass


class Storage(Storekeepers, Publishers):
    pass


@pytest.mark.timeout(3 * 60 * LONG_MINUTES if LONG else 300)
@pytest.mark.parametrize("machine", [Everybody, Storage])
def test_invariants_hold_whatever_happens(db: Database, machine: type[Ground]) -> None:
    """Ledger, slots, fence, endings and objects stay right in every order of calls and deaths."""
    superuser = db.superuser()
    db.admin.connection.prepare_threshold = 0  # the checks are asked often: plan them once

    class Here(machine):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__(db, superuser)

    for search in searches(Here):
        run_state_machine_as_test(search, settings=PROFILE)


def searches(machine: type[Ground]) -> Iterator[type[Ground]]:
    if not LONG:
        yield from (seed(number)(machine) for number in range(SEARCHES))
        return
    until = time.monotonic() + 60 * LONG_MINUTES
    while time.monotonic() < until:
        yield machine
