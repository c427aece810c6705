"""Supabase Realtime on loopback: the real policy lets join, `realtime.send` wrote what is told."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import jwt
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.support.postgrest import SECRET
from tests.support.session import Session

LOOK_EVERY = 0.02
# As the service does it: a message of its own that is never committed, looked for as the caller.
MAY_JOIN = """
    insert into realtime.messages (topic, extension, event, private)
    values (%s, 'broadcast', 'probe', true) returning id
"""
BECOME = """
    select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true),
           set_config('realtime.topic', %s, true)
"""
SENT = "select id, topic, event, payload from realtime.messages where not (id = any(%s))"


@dataclass
class Seat:
    """One channel of one connection. Version 2 of the protocol sends arrays, version 1 objects."""

    socket: WebSocket
    topic: str
    join_ref: str | None
    arrays: bool

    async def send(self, event: str, payload: dict[str, Any], ref: str | None = None) -> None:
        if self.arrays:
            text = json.dumps([self.join_ref, ref, self.topic, event, payload])
        else:
            parts = {"topic": self.topic, "event": event, "payload": payload, "ref": ref}
            text = json.dumps(parts)
        await self.socket.send_text(text)


@dataclass
class Realtime:
    session: Session
    up: bool = True
    mute: bool = False
    joins: int = 0
    refused: int = 0
    told: int = 0
    seats: list[Seat] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None

    def may_join(self, token: str, topic: str) -> bool:
        try:
            claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.PyJWTError:
            return False
        with self.session.connection.transaction(force_rollback=True):
            probe = self.session.value(MAY_JOIN, topic)
            self.session.execute(BECOME, json.dumps(claims), topic)
            return bool(self.session.rows("select from realtime.messages where id = %s", probe))

    async def serve(self, socket: WebSocket) -> None:
        if not self.up:
            await socket.close()
            return
        await socket.accept()
        news = asyncio.create_task(self._broadcast(socket))
        try:
            while True:
                await self._take(socket, json.loads(await socket.receive_text()))
        except WebSocketDisconnect:
            pass
        finally:
            news.cancel()
            self.seats = [seat for seat in self.seats if seat.socket is not socket]

    def hang_up(self) -> None:
        """Every connection ends, as when the service is deployed anew. From any thread."""
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)

    async def _hang_up(self) -> None:
        for socket in {id(seat.socket): seat.socket for seat in self.seats}.values():
            await socket.close(1012)

    async def _take(self, socket: WebSocket, message: Any) -> None:
        arrays = isinstance(message, list)
        names = ("join_ref", "ref", "topic", "event", "payload")
        said = dict(zip(names, message, strict=True)) if arrays else message
        seat = Seat(socket, said["topic"], said.get("join_ref") or said.get("ref"), arrays)
        ok, response = True, {}
        if said["event"] == "phx_join":
            ok = await self._join(seat, said["payload"])
            response = {} if ok else {"reason": "Unauthorized: You do not have permissions"}
        elif said["event"] == "phx_leave":
            self.seats = [s for s in self.seats if (s.socket, s.topic) != (socket, seat.topic)]
        elif said["event"] == "access_token":
            return
        answer = {"status": "ok" if ok else "error", "response": response}
        await seat.send("phx_reply", answer, said["ref"])

    async def _join(self, seat: Seat, payload: dict[str, Any]) -> bool:
        topic = seat.topic.removeprefix("realtime:")
        private = payload["config"]["private"]
        ok = private and self.may_join(payload.get("access_token", ""), topic)
        if ok:
            self.joins += 1
            self.seats.append(seat)
        else:
            self.refused += 1
        return bool(ok)

    async def _broadcast(self, socket: WebSocket) -> None:
        seen = [row["id"] for row in self.session.rows(SENT, [])]
        while True:
            for row in self.session.rows(SENT, seen):
                seen.append(row["id"])
                await self._tell(socket, row)
            await asyncio.sleep(LOOK_EVERY)

    async def _tell(self, socket: WebSocket, row: dict[str, Any]) -> None:
        payload = {"type": "broadcast", "event": row["event"], "payload": row["payload"]}
        for seat in tuple(self.seats):
            if seat.socket is socket and seat.topic == f"realtime:{row['topic']}" and not self.mute:
                await seat.send("broadcast", payload)
                self.told += 1
