"""One file: through redirects, past the answer's promises, over cut connections."""

from dataclasses import dataclass

import httpcore
import httpx

from worker.fetching.address import Rules
from worker.fetching.faults import why_cut
from worker.fetching.head import Head, Span, read_head
from worker.fetching.network import NotPublicError
from worker.fetching.outcome import Fetched, NotFetched, Reason, passing, refused
from worker.fetching.part import Part
from worker.fetching.unpacking import AsItIs, PackingError, Unpacking, unpacking
from worker.fetching.web import Lines, Web

MOST_REDIRECTS = 5
MOST_RESUMPTIONS = 3

# Elsewhere 4xx means this link, and another one may be right: 400 and 401, too, are how stores
# answer a signature that has expired.
_PASSING_4XX = frozenset((408, 409, 421, 423, 425, 429))
_4XX = range(400, 500)
_NETWORK_FAULTS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    OSError,  # of TLS, in the middle of a body: httpcore passes it on as it is
)


@dataclass(frozen=True, slots=True)
class _Cut:
    why: str
    again: bool
    """The rest, or the whole, may come by asking again."""


_Attempt = Fetched | NotFetched | _Cut


class Download:
    def __init__(self, web: Web, rules: Rules, part: Part, most_bytes: int) -> None:
        self._web = web
        self._rules = rules
        self._part = part
        self._most = most_bytes
        self._total: int | None = None
        self._version = ""
        """Of the file that the part is a part of; empty if the rest can't be asked for."""

    async def run(self, url: httpx.URL) -> Fetched | NotFetched:
        attempt = await self._attempt(url)
        for _ in range(MOST_RESUMPTIONS):
            if not isinstance(attempt, _Cut) or not attempt.again:
                break
            attempt = await self._attempt(url)
        return passing(attempt.why) if isinstance(attempt, _Cut) else attempt

    async def _attempt(self, url: httpx.URL) -> _Attempt:
        received = self._part.received
        try:
            return await self._follow(url)
        except NotPublicError as error:
            return refused(f"it leads to {error.address}, which is not a public address")
        except PackingError:
            return passing("it is said to be compressed, and can't be unpacked")
        except _NETWORK_FAULTS as error:
            again = bool(self._version) and self._part.received > received
            return _Cut(why_cut(error, self._part.size, self._total), again)

    async def _follow(self, url: httpx.URL) -> _Attempt:
        for _ in range(1 + MOST_REDIRECTS):
            async with self._web.get(url, self._range()) as answer:
                head = read_head(answer.status, answer.headers)
                if not head.leads_on:
                    return await self._take(head, answer)
            onward = self._rules.follow(url, head.location)
            if isinstance(onward, NotFetched):
                return onward
            url = onward
        return refused(f"it leads on more than {MOST_REDIRECTS} times")

    def _range(self) -> Lines:
        if not self._part.size:
            return []
        return [("range", f"bytes={self._part.size}-"), ("if-range", self._version)]

    async def _take(self, head: Head, answer: httpcore.Response) -> _Attempt:
        resumed = self._part.size > 0
        match head.status:
            case 200:
                return await self._whole(head, answer)
            case 206 if resumed:
                return await self._rest(head, answer)
            case 416 if resumed:
                await self._part.restart()
                return _Cut("it answers 416", again=True)
            case _:
                return _denied(head.status)

    async def _whole(self, head: Head, answer: httpcore.Response) -> _Attempt:
        await self._part.restart()
        self._total = None if head.coding else head.length
        self._version = head.version if head.can_resume else ""
        unpacked = unpacking(head.coding)
        if unpacked is None:
            return refused(f"it is compressed as {head.coding[:20]!r}, which was not asked for")
        if not head.has_an_end:
            return refused("it doesn't say how long the file is")
        if head.length is not None and head.length > self._most:
            return self._too_large()
        return await self._receive(head, answer, unpacked, self._total)

    async def _rest(self, head: Head, answer: httpcore.Response) -> _Attempt:
        span = head.span
        if span is None or not self._continues(head, span):
            return passing("it answers with another part than the one that was asked for")
        if span.total > self._most:
            return self._too_large()
        self._total = span.total
        return await self._receive(head, answer, AsItIs(), span.last + 1)

    def _continues(self, head: Head, span: Span) -> bool:
        return (
            span.first == self._part.size
            and self._total in (None, span.total)
            and head.version in ("", self._version)
            and head.length in (None, span.length)
            and not head.coding
        )

    async def _receive(
        self, head: Head, answer: httpcore.Response, unpacked: Unpacking, end: int | None
    ) -> _Attempt:
        async for chunk in answer.aiter_stream():
            for piece in unpacked.pieces(chunk):
                size = self._part.size + len(piece)
                if size > self._most:
                    return self._too_large()
                if end is not None and size > end:
                    return passing(f"it is longer than the {end} bytes that it announced")
                await self._part.add(piece)
        if not unpacked.finished:
            return passing("it ended in the middle of what it had compressed")
        return await self._complete(head)

    async def _complete(self, head: Head) -> _Attempt:
        size = self._part.size
        if self._total is not None and size < self._total:
            return _Cut(f"it ended after {size} of {self._total} bytes", again=bool(self._version))
        if not size:
            return passing("it is empty")
        digest = await self._part.finish()
        return Fetched(self._part.path, size, digest, head.content_type)

    def _too_large(self) -> NotFetched:
        return NotFetched(f"it is larger than {self._most} bytes", Reason.TOO_LARGE)


def _denied(status: int) -> NotFetched:
    dead = status in _4XX and status not in _PASSING_4XX
    return NotFetched(f"it answers {status}", Reason.DEAD_LINK if dead else Reason.PASSING)
