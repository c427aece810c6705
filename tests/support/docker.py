"""Runs pytest against Supabase's own Postgres image: `python -m tests.support.docker [pytest …]`.

The image is SUPABASE_POSTGRES_IMAGE, or the one below.
"""

import os
import subprocess
import sys
import time

import docker
import psycopg
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

IMAGE = os.environ.get("SUPABASE_POSTGRES_IMAGE", "supabase/postgres:17.4.1.054")
PASSWORD = "throw-away"
PORT = 5432
START_TIMEOUT = 120.0
PAUSE = 0.25


def main(arguments: list[str]) -> int:
    if not engine_answers():
        print("no Docker engine answers here: start one, then run make test-docker again")  # noqa: T201
        return 1
    with (
        DockerContainer(IMAGE)
        .with_env("POSTGRES_PASSWORD", PASSWORD)
        .with_exposed_ports(PORT) as container
    ):
        url = address_of(container)
        wait_until_it_answers(url)
        return run_pytest(url, arguments)


def engine_answers() -> bool:
    try:
        client = docker.from_env()
        client.ping()
        client.close()
    except DockerException:
        return False
    return True


def address_of(container: DockerContainer) -> str:
    host, port = container.get_container_host_ip(), container.get_exposed_port(PORT)
    return f"postgresql://supabase_admin:{PASSWORD}@{host}:{port}/postgres"


def wait_until_it_answers(url: str) -> None:
    """While the image sets itself up it listens on its socket only, so an answer means ready."""
    give_up = time.monotonic() + START_TIMEOUT
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(PAUSE)
        else:
            return


def run_pytest(url: str, arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "worksteal", *arguments]
    environment = os.environ | {"TEST_DATABASE_URL": url}
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
