"""How long something took, by the clock that the waits themselves go by."""

import asyncio

# uvloop counts in these. Of two exact ones the difference may come out a hair too small: whether it
# does hangs on how long the machine has been up.
MILLISECONDS = 3


def since(began: float) -> float:
    return round(asyncio.get_running_loop().time() - began, MILLISECONDS)
