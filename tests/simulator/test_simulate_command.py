import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.cache import CHECKOUT

PATIENCE = 60.0
RULES = """
[[rule]]
fault = "ANSWER_5XX"
provider = "meshy"
operation = "list"
"""


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "worker", "simulate", "--port", "0", *options]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}


def hear_interrupts() -> None:
    """A shell has what it starts in the background ignore them, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def simulating(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `meshqueue simulate`, and what it printed about its use."""
    process = subprocess.Popen(
        command(*options),
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - it takes no lock
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            lines = []
            while "DELETE" not in (line := process.stdout.readline()):
                assert line or process.poll() is None
                lines.append(line)
            yield process, "".join(lines)
        finally:
            process.kill()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[0]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_how_to_use_it_and_its_news(tmp_path: Path, ending: signal.Signals) -> None:
    """Addresses and keys that work, a line for each change, faults from a file, a clean end."""
    script = tmp_path / "rules.toml"
    script.write_text(RULES)
    with simulating("--speed", "0", "--script", str(script)) as (process, text):
        url = found(r"http://127\.0\.0\.1:\d+/meshy/openapi/v2/text-to-3d", text)
        headers = {"Authorization": f"Bearer {found('msy_[A-Za-z0-9]+', text)}"}
        body = {"mode": "preview", "prompt": "katana"}
        task = httpx.post(url, json=body, headers=headers, timeout=PATIENCE).json()["result"]
        assert httpx.get(url, headers=headers, timeout=PATIENCE).status_code == 500
        assert process.stdout is not None
        news = [process.stdout.readline() for _ in range(3)]
        assert any(f"text-to-3d-preview {task} PENDING, 20 credits" in line for line in news)
        assert any("GET /openapi/v2/text-to-3d 500 (answer_5xx)" in line for line in news)
        process.send_signal(ending)
        assert process.stdout.read().endswith("The simulator has stopped.\n")
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("[[rule]]\nfault = 'explosion'\n", "There is no fault 'explosion'"),
        ("[[rule]\n", "can't be read"),
        ("seed = 1\n", r"has no \[\[rule\]\] table"),
    ],
)
def test_a_bad_script_is_refused_before_anything_listens(
    tmp_path: Path, script: str, complaint: str
) -> None:
    """A mistake in the file ends the command with code 2 and says what is wrong."""
    path = tmp_path / "rules.toml"
    path.write_text(script)
    answer = subprocess.run(
        command("--script", str(path)),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert answer.returncode == 2
    assert re.search(complaint, answer.stderr.replace("\n", " "))
    assert answer.stdout == ""
