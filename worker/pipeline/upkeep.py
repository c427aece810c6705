"""What keeps the queue moving with nobody on call. Always on; every worker does it."""

import structlog

from worker.database.engine import Engine
from worker.pipeline.hands import Hands
from worker.pipeline.held import Served
from worker.pipeline.objects import Objects
from worker.providers.outcome import Balance
from worker.telemetry.instruments import RESCUES

RESCUE_EVERY = 10.0  # s
EXPIRE_EVERY = 10.0
SWEEP_EVERY = 30.0
PURGE_EVERY = 300.0
BALANCE_EVERY = 300.0
GIVE_BACK_EVERY = 5.0
REMOVE_EVERY = 60.0

log = structlog.get_logger()


class Upkeep:
    def __init__(
        self, engine: Engine, served: dict[str, Served], hands: list[Hands], objects: Objects
    ) -> None:
        self._engine = engine
        self._served = served
        self._hands = hands
        self._objects = objects

    async def rescue(self) -> None:
        """Runs of dead workers, and wake-ups that were lost."""
        done = await self._engine.rescue()
        for kind, runs in done.items():
            RESCUES.labels(kind).inc(runs)
        if any(done.values()):
            log.warning("rescued", action="rescued", **done)

    async def expire(self) -> None:
        if expired := await self._engine.expire():
            log.warning("jobs_expired", action="jobs_expired", jobs=expired)

    async def sweep(self) -> None:
        """Rollbacks and idle transactions may leave a free slot beside a waiting job."""
        if admitted := await self._engine.admit():
            log.warning("swept", action="swept", admitted=admitted)

    async def purge(self) -> None:
        await self._engine.purge()

    async def remove_objects(self) -> None:
        await self._objects.remove_due()

    async def give_back(self) -> None:
        for hands in self._hands:
            await hands.give_back()
            await hands.settle_doubts()

    async def lift_pauses(self) -> None:
        """A provider that answers for its balance, with money in it, is open again."""
        for provider, fingerprint in await self._engine.paused_keys():
            served = self._served.get(provider)
            if served is None or served.fingerprint != fingerprint:
                continue
            match await served.provider.balance():
                case Balance(amount) if amount > 0:
                    await self._engine.resume(provider, fingerprint)
                    log.info("provider_resumed", action="provider_resumed", provider=provider)
                case _:
                    log.info("still_paused", action="still_paused", provider=provider)
