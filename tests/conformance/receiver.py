import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from queue import Empty, Queue
from typing import Any

from tests.conformance.loopback import Loopback

ARRIVES_WITHIN = 60.0
SILENCE = 0.3  # a delivery on loopback takes about a millisecond


@dataclass(frozen=True)
class Delivery:
    headers: dict[str, str]
    raw: bytes
    arrived: float

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.raw)
        return body


class Receiver(Loopback):
    """Takes webhooks; answers each with the next of `answers`, and with 200 when there is none."""

    def __init__(self) -> None:
        self.deliveries: Queue[Delivery] = Queue()
        self.answers: list[int] = []
        self.answer = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.deliveries.put(Delivery(headers, raw, time.monotonic()))
                self.send_response(receiver.next_answer())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(Handler)

    def next_answer(self) -> int:
        return self.answers.pop(0) if self.answers else self.answer

    def next(self) -> Delivery:
        return self.deliveries.get(timeout=ARRIVES_WITHIN)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[Delivery]:
        taken = [self.next()]
        while not wanted(taken[-1].body):
            taken.append(self.next())
        return taken

    def stays_silent(self) -> bool:
        try:
            self.deliveries.get(timeout=SILENCE)
        except Empty:
            return True
        return False
