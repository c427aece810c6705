"""The way of every request: book it, let a fault befall it, check it, answer it."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.simulator.book import BookedRequest
from worker.simulator.call import Call, Endpoint, Refusal
from worker.simulator.fault import Fault
from worker.simulator.provider import Provider
from worker.simulator.wire import Connection, Dropped, Hung, Reset, connection_of, gone

REFUSED_BY_FAULT = frozenset(
    {
        Fault.ANSWER_5XX,
        Fault.RATE_LIMITED,
        Fault.NO_SLOT,
        Fault.OUT_OF_CREDIT,
        Fault.FREE_PLAN,
        Fault.UNAUTHORISED,
        Fault.FORBIDDEN,
        Fault.INVALID,
        Fault.NOT_FOUND,
        Fault.MODERATED,
    }
)
BEFORE_ANSWER = frozenset({Fault.WEBHOOK_BEFORE_ANSWER})
HALF_AN_ANSWER = '{"result": "018a210d-8ba4-70'
LATE_SECONDS = 30.0


class Gate:
    """Stands before one provider, as an ASGI application."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name = provider.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        connection.provider = self._provider.name
        self._provider.clock.run_due()
        call = self._open(Request(scope, receive), scope)
        answer = await self._answer(call, receive)
        call.booked.status = getattr(answer, "status_code", None)
        if isinstance(answer, Response):
            answer.headers.update(call.headers)
        await answer(scope, receive, send)
        self._close(call, connection)

    def _open(self, request: Request, scope: Scope) -> Call:
        path = scope["state"]["path"]
        endpoint, params = self._provider.find(request.method, path)
        resource = endpoint.resource or self._provider.resource_of(params)
        booked = self._book(request, path, endpoint, resource)
        call = Call(request, endpoint, params, booked, path)
        if booked.operation is not None:
            call.rule = self._provider.script.match(self._provider.name, booked.operation, resource)
            booked.fault = call.fault
        return call

    def _book(
        self, request: Request, path: str, endpoint: Endpoint, resource: str | None
    ) -> BookedRequest:
        operation = None if endpoint is self._provider.nowhere else endpoint.operation
        booked = self._provider.booked(request.method, path, operation, resource)
        if operation != "download":
            self._provider.ledger.requested(booked, self._provider.clock.pace())
        return booked

    async def _answer(self, call: Call, receive: Receive) -> ASGIApp:
        match call.fault:
            case Fault.CONNECTION_REFUSED_OR_RESET:
                return Reset()
            case Fault.NO_ANSWER:
                return Hung()
        call.body = await call.request.body()
        if call.fault is Fault.ACCEPTED_LATE:
            return await self._accept_late(call, receive)
        answer = await self._judge(call)
        await self._hasten_webhook(call)
        return self._spoil(call, answer)

    async def _judge(self, call: Call) -> ASGIApp:
        try:
            return await self._handle(call)
        except Refusal as refusal:
            return self._provider.refuse(call, refusal)

    async def _handle(self, call: Call) -> ASGIApp:
        if call.rule and call.rule.fault in REFUSED_BY_FAULT:
            raise self._provider.refusal(call.rule)
        self._provider.dress(call)
        if not call.endpoint.public:
            self._provider.admit(call)
        return await call.endpoint.handler(call)

    async def _accept_late(self, call: Call, receive: Receive) -> ASGIApp:
        """The client gave up; the provider had the request all the same, and takes it."""
        await gone(receive)
        clock = self._provider.clock
        seconds = call.rule.seconds(LATE_SECONDS) if call.rule else 0.0
        clock.at(
            clock.seconds() + seconds, lambda: self._provider.in_background(self._accept(call))
        )
        return Hung()

    async def _accept(self, call: Call) -> None:
        await self._judge(call)
        if call.created is not None:
            self._provider.announce(call.created)

    async def _hasten_webhook(self, call: Call) -> None:
        if call.created is None:
            return
        rule = self._provider.script.match(
            self._provider.name, "webhook", call.created.resource, BEFORE_ANSWER
        )
        if rule is not None:
            self._provider.hasten(call.created, rule)
            await self._provider.clock.idle()

    def _spoil(self, call: Call, answer: ASGIApp) -> ASGIApp:
        accepted = getattr(answer, "status_code", 500) < 400  # noqa: PLR2004 - HTTP's own border
        match call.fault:
            case Fault.ANSWER_DROPPED:
                return Dropped()
            case Fault.ANSWER_5XX_AFTER_ACCEPT if accepted and call.rule:
                return self._provider.refuse(call, self._provider.refusal(call.rule))
            case Fault.MALFORMED_2XX if accepted and isinstance(answer, Response):
                text = call.options.get("body", HALF_AN_ANSWER)
                return Response(text, answer.status_code, media_type="application/json")
        return answer

    def _close(self, call: Call, connection: Connection) -> None:
        task = call.created
        if task is None:
            return
        spoilt = call.fault in (Fault.ANSWER_5XX_AFTER_ACCEPT, Fault.MALFORMED_2XX)
        task.answer_delivered = connection.cycle.response_complete and not spoilt
        self._provider.announce(task)


def unless_stopped(application: ASGIApp) -> ASGIApp:
    """Ends a request quietly when the simulator stops in the middle of it."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await application(scope, receive, send)
        except asyncio.CancelledError:
            connection_of(scope).transport.abort()
            await gone(receive)

    return guarded
