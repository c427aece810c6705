"""Makes all checks, side by side where they do not need each other, and none of them for long."""

import asyncio
from collections.abc import Sequence

from worker.doctor.check import Check, Checked
from worker.doctor.checks import CHECKS
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, Level, failing, skipped
from worker.doctor.names import NoAddressError
from worker.doctor.patience import A_CHECK, ALTOGETHER
from worker.errors import MeshqueueError

STOPS = (Level.FAILING, Level.SKIPPED)
TRY_AGAIN = "Run it again. If it stays like this, what it looks at hangs."


async def examine(examined: Examined, checks: Sequence[Check] = CHECKS) -> list[Checked]:
    """In the order of the checks."""
    try:
        return await Examination(examined, checks).run()
    finally:
        await examined.database.close()


class Examination:
    def __init__(self, examined: Examined, checks: Sequence[Check]) -> None:
        self._examined = examined
        self._checks = checks
        self._tasks: dict[str, asyncio.Task[Checked]] = {}

    async def run(self) -> list[Checked]:
        for check in self._checks:
            self._tasks[check.name] = asyncio.create_task(self._check(check))
        await asyncio.wait(self._tasks.values(), timeout=ALTOGETHER)
        return [self._ended(check) for check in self._checks]

    def _ended(self, check: Check) -> Checked:
        task = self._tasks[check.name]
        if task.done():
            return task.result()
        task.cancel()
        return Checked(check, failing("no answer in time", TRY_AGAIN), ALTOGETHER)

    async def _check(self, check: Check) -> Checked:
        stop = await self._what_stops(check)
        began = asyncio.get_running_loop().time()
        finding = skipped(f"needs {stop}") if stop else await self._look(check)
        return Checked(check, finding, asyncio.get_running_loop().time() - began)

    async def _what_stops(self, check: Check) -> str | None:
        for need in check.needs:
            needed = await asyncio.shield(self._tasks[need])
            if needed.finding.level in STOPS:
                return need
        return None

    async def _look(self, check: Check) -> Finding:
        clean = self._examined.without_secrets
        finding = await looked(check, self._examined)
        return Finding(finding.level, clean(finding.what), clean(finding.what_to_do))


async def looked(check: Check, examined: Examined) -> Finding:
    """A check that breaks has found something, too."""
    try:
        async with asyncio.timeout(A_CHECK):
            return await check.look(examined)
    except TimeoutError:
        return failing("no answer in time", TRY_AGAIN)
    except NoAddressError as error:
        return failing(str(error), "Correct the address, or look why names can't be looked up.")
    except MeshqueueError as error:
        return failing(str(error), "")
    except Exception as error:  # noqa: BLE001 - whatever it was, the other checks go on
        return failing(f"could not be examined: {type(error).__name__}: {error}", TRY_AGAIN)
