"""What another worker's key bought. Ours may not see it: that it is not there says nothing then."""

import asyncio
from datetime import UTC, datetime, timedelta

from worker.pipeline.held import Held
from worker.pipeline.position import Drained, Ending, Leave, Wait

# A worker with the right key may come; the database gives it to that one first.
ASK_AGAIN_AFTER = 30.0  # s
# Whatever was bought without our seeing it has ended by then: its slot waits no longer.
NO_TASK_TAKES_LONGER = timedelta(hours=2)


def is_long_ago(moment: datetime) -> bool:
    return datetime.now(UTC) - moment > NO_TASK_TAKES_LONGER


async def leave_to_its_key(held: Held, since: datetime, drained: Drained) -> Ending:
    """The job's deadline ends the wait, and gives the credits back."""
    if not held.draining:
        return Wait("other_key", ASK_AGAIN_AFTER)
    if is_long_ago(since):
        return drained
    await asyncio.sleep(ASK_AGAIN_AFTER)
    return Leave()
