import time
from collections.abc import Callable

LONGEST = 60.0


def eventually(seen: Callable[[], bool]) -> None:
    """For what the simulator notices of its own accord, such as a connection that was closed."""
    deadline = time.monotonic() + LONGEST
    while not seen():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.005)
