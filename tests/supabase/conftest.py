from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.database import fresh_database
from tests.support.gateway import gateway
from tests.support.jobs import set_setting
from tests.support.postgrest import run_postgrest
from tests.support.project import Project
from tests.support.servers import Postgres


@pytest.fixture(scope="module")
def project(server: Postgres, template: str, postgrest_program: Path) -> Iterator[Project]:
    """One for all tests of a file: each brings users of its own."""
    with (
        fresh_database(server, template) as database,
        run_postgrest(postgrest_program, database.url("authenticator")) as rest,
        gateway(rest.url) as front,
        ExitStack() as clients,
    ):
        set_setting(database, "max_in_flight_meshy", 500)  # nobody waits for another test
        yield Project(front.url, database, clients)
