"""Whatever clients, workers and operators do in whatever order: no false alarm."""

from datetime import timedelta
from typing import Any

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
from worker.operating.audit import audit, broken

PROFILE = settings(
    max_examples=10,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# Time stands still between the steps of these games: what is to come in a moment never does.
GRACE = timedelta(days=1)


class Everybody(Clients, Operators, Lives, Stages):
    pass


class Storage(Storekeepers, Publishers):
    pass


@pytest.mark.newest_postgres
@pytest.mark.timeout(300)
@pytest.mark.parametrize("machine", [Everybody, Storage])
def test_no_order_of_events_looks_like_a_fault(db: Database, machine: type[Ground]) -> None:
    """After each step of a game that keeps all invariants, all promises are found to hold."""
    superuser = db.superuser()
    looks = 0

    class Here(machine):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__(db, superuser)

        def check(self) -> Any:
            nonlocal looks
            looks += 1
            super().check()
            assert broken(audit(db.admin.connection, GRACE)) == ()

    run_state_machine_as_test(seed(7)(Here), settings=PROFILE)
    assert looks > 100
