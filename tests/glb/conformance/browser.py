"""three.js in a headless Chromium: loads files, renders them, compares the pictures."""

import json
import math
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.glb.conformance.judges import PINNED
from tests.support.node import NodePackages

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless=new", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--ignore-gpu-blocklist", "--disable-dev-shm-usage", "--disable-extensions"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
)
AS_ROOT = "--no-sandbox"  # Chromium refuses to start as root with it
JOB_TIMEOUT = 240
PAGE_WAITS = 2.0
STOP_TIMEOUT = 10
TYPES = {
    ".html": "text/html",
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".glb": "model/gltf-binary",
}


class BrowserError(RuntimeError):
    """The browser did not answer; the text holds what it said last."""


@dataclass(frozen=True)
class Rendering:
    """`decibels` is the likeness to the source: infinite where no pixel differs."""

    problem: str | None
    decibels: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Verdict:
    source: str | None  # why the source itself can't be loaded
    outputs: Sequence[Rendering]


class Desk:
    """What the page and we exchange."""

    def __init__(self, three: Path) -> None:
        self.three = three
        self.models: list[Path] = []
        self.jobs: Queue[dict[str, Any]] = Queue()
        self.answers: Queue[dict[str, Any]] = Queue()

    def address(self, model: Path) -> str:
        self.models.append(model)
        return f"/models/{len(self.models) - 1}.glb"

    def file(self, path: str) -> Path | None:
        if path == "/":
            return PINNED / "render.html"
        if path == "/render.mjs":
            return PINNED / "render.mjs"
        if path.startswith("/models/"):
            return self.models[int(Path(path).stem)]
        inside = (self.three / path.removeprefix("/three/")).resolve()
        return inside if inside.is_relative_to(self.three) and inside.is_file() else None


class Handler(BaseHTTPRequestHandler):
    desk: ClassVar[Desk]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/next":
            self.give_job()
        elif file := self.desk.file(path):
            self.answer(200, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))
        else:
            self.answer(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.desk.answers.put(json.loads(body))
        self.answer(200, b"", "text/plain")

    def give_job(self) -> None:
        try:
            job = self.desk.jobs.get(timeout=PAGE_WAITS)
        except Empty:
            self.answer(204, b"", "text/plain")
        else:
            self.answer(200, json.dumps(job).encode(), "application/json")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        with suppress(ConnectionError):  # the browser is being closed
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The tests' output is not the place."""


@dataclass(frozen=True)
class Browser:
    desk: Desk
    log: Path

    def compare(self, source: Path, outputs: Sequence[Path]) -> Verdict:
        address = self.desk.address
        self.desk.jobs.put({"source": address(source), "outputs": [*map(address, outputs)]})
        try:
            answer = self.desk.answers.get(timeout=JOB_TIMEOUT)
        except Empty:
            said = self.log.read_text(errors="replace")[-2000:]
            raise BrowserError(f"{source.name}: no answer in {JOB_TIMEOUT} s: {said}") from None
        return Verdict(answer["source"].get("problem"), [*map(rendering, answer["outputs"])])


def rendering(answer: dict[str, Any]) -> Rendering:
    if "problem" in answer:
        return Rendering(answer["problem"])
    error = answer["error"]
    decibels = 10 * math.log10(255**2 / error) if error else math.inf
    return Rendering(None, decibels, answer["seconds"])


def chromium() -> str | None:
    asked = os.environ.get("CHROME")
    return asked or next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def open_browser(program: str, packages: NodePackages) -> Iterator[Browser]:
    desk = Desk((packages.modules / "three").resolve())
    handler = type("DeskHandler", (Handler,), {"desk": desk})
    with (
        TemporaryDirectory(prefix="meshqueue-browser-", ignore_cleanup_errors=True) as folder,
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
    ):
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        log = Path(folder) / "log"
        address = f"http://127.0.0.1:{server.server_port}/"
        with running(program, Path(folder), address, log):
            yield Browser(desk, log)
        server.shutdown()


@contextmanager
def running(program: str, folder: Path, address: str, log: Path) -> Iterator[None]:
    root = [AS_ROOT] if os.geteuid() == 0 else []
    command = [program, *FLAGS, *root, f"--user-data-dir={folder / 'profile'}", address]
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
