"""Somebody on loopback who takes what is posted, and answers as a test wants."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Headers = dict[str, str]


@dataclass(frozen=True)
class Posted:
    path: str
    headers: Headers
    body: bytes


def accept(_: Posted) -> tuple[int, Headers]:
    return 200, {}


@dataclass
class Receiver:
    posted: list[Posted] = field(default_factory=list)
    answer: Callable[[Posted], tuple[int, Headers]] = accept
    url: str = ""

    def take(self, posted: Posted) -> tuple[int, Headers]:
        self.posted.append(posted)
        return self.answer(posted)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(receiver)) as server:
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def handler_for(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Posted(self.path, headers, body))
            try:
                self.send_response(status)
                for name, value in {**more, "content-length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()
            except OSError:
                """Whoever asked is gone."""

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
