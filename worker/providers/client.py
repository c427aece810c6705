"""The one client: does the I/O for any provider's mapping."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

from worker.ending import end_tasks
from worker.providers.batching import Batch
from worker.providers.call import Answer, Call, Reply, Result, Talk
from worker.providers.failure import Failure, Kind
from worker.providers.http import Http
from worker.providers.mapping import Mapping as ProviderMapping
from worker.providers.order import Order, Step, Task
from worker.providers.outcome import (
    Accepted,
    Balance,
    Complete,
    Forged,
    Hint,
    Ignored,
    Listing,
    NotStopped,
    Ready,
    Rejected,
    State,
    Unknown,
    Withdrawn,
)
from worker.providers.patience import PATIENCE, Patience
from worker.providers.protocol import Done, Secrets
from worker.providers.redaction import clean_failure
from worker.providers.streaming import listen, poll
from worker.providers.uploads import Uploads
from worker.providers.watch import Watch


class Client:
    def __init__(
        self,
        mapping: ProviderMapping,
        key: str,
        *,
        address: str | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        self.name = mapping.name
        self._mapping = mapping
        self._http = Http(address or mapping.address, key, mapping.limits, mapping.name, patience)
        self._uploads = Uploads()
        self._watches: set[Watch] = set()
        self._batch = Batch(self._ask_batch, mapping.batch, patience.batch)

    async def prepare(self, order: Order, done: Sequence[Done] = ()) -> Ready | Complete | Failure:
        outcome = await self._talk(self._mapping.prepare(order, done))
        if isinstance(outcome, Failure):
            for picture in order.pictures:
                self._uploads.forget(picture.data)
        return outcome

    def formats_left(self, order: Order, done: Sequence[Done]) -> tuple[str, ...]:
        return self._mapping.formats_left(order, done)

    async def submit(self, step: Step) -> Accepted | Rejected | Unknown:
        call = self._mapping.creation(step)
        outcome = self._judge(step, await self._http.exchange(call))
        if isinstance(outcome, Rejected) and outcome.failure.kind is Kind.RATE_LIMITED:
            self._http.pause(call.pace, outcome.failure.retry_after)
        return outcome

    async def watch(self, task: Task) -> AsyncGenerator[State, None]:
        watch = Watch(task)
        self._watches.add(watch)
        sources = [asyncio.create_task(feed) for feed in (self._feed(watch), self._poll(watch))]
        for source in sources:
            source.add_done_callback(watch.source_ended)
        try:
            async with aclosing(watch.states()) as states:
                async for state in states:
                    yield state
        finally:
            self._watches.discard(watch)
            await end_tasks(sources)

    def nudge(self, task_id: str) -> bool:
        found = [watch for watch in self._watches if watch.task.id == task_id]
        for watch in found:
            watch.hurry()
        return bool(found)

    async def look(self, task: Task) -> State:
        return await self._look(task, urgent=True)

    async def cancel(self, task: Task) -> Withdrawn | NotStopped:
        return await self._talk(self._mapping.cancel(task))

    async def search(self, step: Step, since: datetime) -> Listing | Failure:
        return await self._talk(self._mapping.search(step, since))

    async def balance(self) -> Balance | Failure:
        return await self._talk(self._mapping.balance())

    def verify(
        self, headers: Mapping[str, str], body: bytes, secrets: Secrets
    ) -> Hint | Forged | Ignored:
        lowered = {name.lower(): value for name, value in headers.items()}
        return self._mapping.verify(lowered, body, secrets, time.time())

    async def close(self) -> None:
        """Ends every watch: without a terminal state, since none was seen."""
        for watch in self._watches:
            watch.stop()
        await self._http.close()

    def _judge(self, step: Step, reply: Reply) -> Accepted | Rejected | Unknown:
        """Only what is certain counts as refused; any doubt makes it unknown."""
        if isinstance(reply, Answer) and reply.succeeded:
            outcome = self._mapping.accepted(step, reply)
            return outcome or Unknown(_unknown("a success that can't be understood", reply))
        failure = self._mapping.failure(reply)
        refused = reply.refused if isinstance(reply, Answer) else not reply.sent
        return Rejected(failure) if refused else Unknown(_unknown(failure.detail, reply))

    async def _talk(self, talk: Talk[Result]) -> Result:
        try:
            call = next(talk)
            while True:
                call = talk.send(await self._exchange(call))
        except StopIteration as said:
            return said.value  # type: ignore[no-any-return]  # StopIteration carries Any

    async def _exchange(self, call: Call) -> Reply:
        known = self._uploads.find(call)
        if known:
            return known
        reply = await self._http.exchange(call)
        if isinstance(reply, Answer) and reply.succeeded:
            self._uploads.keep(call, reply)
        return reply

    async def _look(self, task: Task, *, urgent: bool) -> State:
        call = self._mapping.lookup(task, urgent=urgent)
        return self._mapping.state(task, await self._http.exchange(call))

    async def _ask_batch(self, tasks: Sequence[Task]) -> Mapping[str, State]:
        reply = await self._http.exchange(self._mapping.batch_lookup(tasks))
        return self._mapping.batch_states(tasks, reply)

    async def _feed(self, watch: Watch) -> None:
        if self._mapping.batch:
            await self._batch.feed(watch)
        else:
            await listen(watch, self._mapping, self._http)

    async def _poll(self, watch: Watch) -> None:
        async def look_again() -> State:
            urgent, watch.hurried = watch.hurried, False
            return await self._look(watch.task, urgent=urgent)

        await poll(watch, look_again, self._http.patience)


def _unknown(detail: str, reply: Reply) -> Failure:
    if isinstance(reply, Answer):
        return clean_failure(
            Kind.SUBMISSION_UNKNOWN, detail, code=str(reply.status), raw=reply.json()
        )
    return clean_failure(Kind.SUBMISSION_UNKNOWN, detail)
