from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.conformance.loopback import Loopback


class Shelf(Loopback):
    """Hands out files at addresses of its own, as a customer's web space would."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def answer(self, *, with_body: bool) -> None:
                kind, content = shelf.files.get(self.path, ("text/plain", b""))
                self.send_response(200 if self.path in shelf.files else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if with_body:
                    self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(Handler)

    def put(self, path: str, kind: str, content: bytes) -> str:
        self.files[path] = (kind, content)
        return self.url + path
