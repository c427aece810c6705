"""What was uploaded lately, so that preparing a request again does not upload its files again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from worker.providers.call import Answer, Call

MOST = 500
FRESH_SECONDS = 1800.0  # providers keep an upload for about a day


class Uploads:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()

    def find(self, call: Call) -> Answer | None:
        if call.file is None:
            return None
        at, answer = self._answers.get(sha256(call.file.data).digest(), (0.0, None))
        return answer if self._clock() - at < FRESH_SECONDS else None

    def keep(self, call: Call, answer: Answer) -> None:
        if call.file is None:
            return
        self._answers[sha256(call.file.data).digest()] = (self._clock(), answer)
        self._answers.move_to_end(sha256(call.file.data).digest())
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)

    def forget(self, data: bytes) -> None:
        self._answers.pop(sha256(data).digest(), None)
