"""The files by which it is deployed, against the code that they start."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from tests.docs.commands import parse
from tests.support.cache import CHECKOUT
from worker.cli import EXIT_ERROR
from worker.daemon import daemon
from worker.database.connection import CONNECTION_BUDGET
from worker.doctor.checks.sessions import MIGRATE, POOL_SIZE
from worker.http.server import DEFAULT_PORT
from worker.providers.patience import PATIENCE

ON_SIGN_OFF = 3 * daemon.LAST_WORDS
MODULE = ["python", "-m", "worker"]
INSTALLED = "/opt/meshqueue/.venv/bin/meshqueue"


def longest_drain() -> float:
    """Wake-ups and deliveries each get their grace; a paid request is seen to its end."""
    paid = PATIENCE.paid_turn + PATIENCE.overall(PATIENCE.paid_answer)
    return 2 * (daemon.GRACE + daemon.LAST_WORDS) + paid + ON_SIGN_OFF


def railway() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((CHECKOUT / "railway.toml").read_text())["deploy"]
    return found


def procfile() -> dict[str, str]:
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


class Unit(ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        """Capital letters count there."""
        return optionstr


def unit() -> Unit:
    found = Unit(interpolation=None)
    found.read(CHECKOUT / "deploy" / "meshqueue.service")
    return found


def container() -> dict[str, str]:
    """The last line of each instruction."""
    text = (CHECKOUT / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
    return dict(re.findall(r"^([A-Z]+) +(.+)$", text, re.MULTILINE))


def started(command: str) -> list[str]:
    """The subcommand, once it is sure that it would be found."""
    words = shlex.split(command)
    assert words[:3] == MODULE
    parse(words[3:])
    return words[3:]


def test_railway_migrates_then_works() -> None:
    """Both commands exist and run from the checkout, whether or not the project is installed."""
    (before,) = railway()["preDeployCommand"]
    assert (started(before), started(railway()["startCommand"])) == (["migrate"], ["run"])


def test_railway_is_told_numbers() -> None:
    """A number as a string fails to parse there, and the deploy with it."""
    names = ("healthcheckTimeout", "restartPolicyMaxRetries", "drainingSeconds")
    assert all(type(railway()[name]) is int for name in names)


def test_railway_waits_until_all_is_handed_over() -> None:
    """Nothing is killed that would have come to its end by itself."""
    assert railway()["drainingSeconds"] > longest_drain()


def test_railway_asks_where_the_worker_answers() -> None:
    """The health check's path is one that the worker has."""
    faces = (CHECKOUT / "worker" / "http" / "app.py").read_text()
    assert f'"{railway()["healthcheckPath"]}"' in faces


def test_railway_starts_again_what_ended_badly() -> None:
    """On every plan: `ALWAYS` needs a paid one."""
    assert railway()["restartPolicyType"] == "ON_FAILURE"


def test_the_procfile_says_the_same() -> None:
    """Whichever file a platform reads, it does the same."""
    assert procfile() == {
        "release": railway()["preDeployCommand"][0],
        "web": railway()["startCommand"],
    }


def test_no_container_file_takes_over_the_build() -> None:
    """Platforms build from a Dockerfile in the root, if there is one."""
    assert not [path for path in CHECKOUT.iterdir() if path.name.lower() == "dockerfile"]


def test_systemd_starts_what_there_is_and_waits_for_it() -> None:
    """The unit migrates, works, restarts after a fault and not after a wrong setting."""
    service = unit()["Service"]
    for name, wanted in (("ExecStartPre", ["migrate"]), ("ExecStart", ["run"])):
        program, *arguments = shlex.split(service[name])
        assert (program.rpartition("/")[2], arguments) == ("meshqueue", wanted)
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == str(EXIT_ERROR)
    assert int(service["TimeoutStopSec"]) > longest_drain()


def test_systemd_can_read_the_unit(tmp_path: Path) -> None:
    """Its own checker finds nothing wrong; programs of another machine stand in for ours."""
    analyser = shutil.which("systemd-analyze")
    if analyser is None:
        pytest.skip("systemd is not installed")
    text = (CHECKOUT / "deploy" / "meshqueue.service").read_text()
    copy = tmp_path / "meshqueue.service"
    copy.write_text(text.replace(INSTALLED, sys.executable).replace("/opt/meshqueue", "/"))
    checked = subprocess.run(
        [analyser, "verify", copy], capture_output=True, text=True, check=False, timeout=30
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_container_starts_what_there_is() -> None:
    """Its command exists, and it runs as nobody in particular."""
    found = container()
    entry: list[str] = json.loads(found["ENTRYPOINT"])
    started(shlex.join([*entry, *json.loads(found["CMD"])]))
    assert found["USER"] != "root"


def test_the_container_holds_what_the_worker_reads() -> None:
    """Everything that is copied is there, and its ignore file lets it in."""
    text = (CHECKOUT / "deploy" / "Containerfile").read_text()
    let_in = (CHECKOUT / "deploy" / "Containerfile.dockerignore").read_text()
    copied = re.findall(r"^COPY (\S+)", text, re.MULTILINE)
    assert {"worker", "sql", "clients", "requirements.txt"} == set(copied)
    assert all((CHECKOUT / name).exists() and f"!{name}\n" in let_in for name in copied)


def test_the_container_is_reached_where_it_listens() -> None:
    """Also with a .env made from the example, whose empty PORT takes the image's own away."""
    text = (CHECKOUT / "docs" / "other-hosts.md").read_text()
    (line,) = re.findall(r"^podman run -d .*$", text, re.MULTILINE)
    words = shlex.split(line)
    assert words.index("PORT=8080") > words.index("--env-file")
    assert words[words.index("-p") + 1].endswith(":8080")


def test_the_health_check_finds_the_worker(tmp_path: Path) -> None:
    """At the given port, or where the worker listens when it is empty."""
    line = container()["HEALTHCHECK"]
    _, flag, look = json.loads(line[line.index("[") :])
    (tmp_path / "urllib").mkdir()
    (tmp_path / "urllib" / "__init__.py").touch()
    told = "def urlopen(url, timeout): print(url)"
    (tmp_path / "urllib" / "request.py").write_text(told)
    for port, listens in (("9000", "9000"), ("", str(DEFAULT_PORT))):
        done = subprocess.run(
            [sys.executable, flag, look],
            env={"PORT": port, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stdout == f"http://127.0.0.1:{listens}/healthz\n"


def test_as_many_workers_fit_as_the_readme_says() -> None:
    """Two, with the third of a deploy, and `doctor` is content with them; a third is too many."""
    two, three = ((n + 1) * CONNECTION_BUDGET + MIGRATE for n in (2, 3))
    assert two <= POOL_SIZE < three
    said = (
        f"Each worker takes {CONNECTION_BUDGET} connections: two workers, the third of a deploy"
        f" and a migration fit into a pooler's {POOL_SIZE}."
    )
    assert said in (CHECKOUT / "README.md").read_text()


def test_hosts_are_told_how_long_to_wait() -> None:
    """The pages name the same time as the files."""
    text = (CHECKOUT / "docs" / "other-hosts.md").read_text()
    waits = re.findall(r"(?:--stop-timeout |terminationGracePeriodSeconds: )(\d+)", text)
    assert [int(seconds) > longest_drain() for seconds in waits] == [True, True]
