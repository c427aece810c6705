"""What stands in front of PostgREST at Supabase: one address, `/rest/v1` in the path."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

PREFIX = "/rest/v1"
TIMEOUT = 30
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Gateway(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, rest_url: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rest = httpx.Client(base_url=rest_url, timeout=TIMEOUT)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def forward(self) -> None:
        if not self.path.startswith(PREFIX):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = [pair for pair in self.headers.items() if pair[0].lower() not in HOP_BY_HOP]
        path = self.path.removeprefix(PREFIX)
        self._answer(self.server.rest.request(self.command, path, content=body, headers=headers))

    def _answer(self, answer: httpx.Response) -> None:
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name not in HOP_BY_HOP | {"content-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else answer.content)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = forward  # noqa: N815 - their names

    def log_message(self, *_: object) -> None:
        """Quiet: a failing test shows the answer that it got."""


@contextmanager
def gateway(rest_url: str) -> Iterator[Gateway]:
    with Gateway(rest_url) as server, server.rest:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
