"""Clients of other gateways whose session is here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.core.events import ErrorCode, GatewayError
from signaling.caller import Caller
from signaling.client import Client
from signaling.cluster.bus import Body, Bus
from signaling.cluster.lines import Lines


class Host(Protocol):
    """The door that serves them as it serves its own."""

    def admit(self, client: Client) -> None:
        """A client is there."""

    async def resume(self, client: Client, data: Any) -> dict[str, Any]:
        """What a client's ``join_session`` is acknowledged with. :raises GatewayError: refused."""

    async def receive(self, client: Client, name: str, args: Iterable[Any]) -> dict[str, Any]:
        """What any other event of it is acknowledged with."""

    def dismiss(self, client: Client, *, certain: bool) -> None:
        """It is gone; see :meth:`Sessions.release`."""


@dataclass(slots=True)
class Visitor:
    """A client, and the gateway that it is connected to."""

    client: Client
    place: str


class Visitors:
    """All of this gateway; to them it is the connection that they are told things over."""

    def __init__(self, bus: Bus, lines: Lines, host: Host) -> None:
        self._bus, self._lines, self._host = bus, lines, host
        self._here: dict[str, Visitor] = {}
        self._closing: set[asyncio.Task[None]] = set()
        bus.on_ask("resume", self._resume)
        bus.on_ask("event", self._event)
        bus.on_tell("left", self._left)

    def __len__(self) -> int:
        return len(self._here)

    async def close(self) -> None:
        """Let them go: their sessions have ended."""
        for line in list(self._here):
            self._tell(line, "over", {"cut": False})
            self._dismiss(line, certain=True)
        if self._closing:
            await asyncio.wait(self._closing)

    # -- a connection, as clients have it

    async def emit(self, sid: str, name: str, payload: Any) -> None:
        several = isinstance(payload, tuple)
        self._tell(sid, "told", {"name": name, "payload": payload, "several": several})

    def backlog(self, sid: str) -> int:
        # All share one queue: what waits there for one client is to hold up no other's voice.
        return self._bus.queued // max(1, len(self._here))

    def cut(self, sid: str) -> None:
        self._tell(sid, "over", {"cut": True})
        self._dismiss(sid, certain=False)

    def _tell(self, line: str, what: str, body: Body) -> None:
        visitor = self._here.get(line)
        if visitor is None:
            return
        try:
            self._bus.tell(visitor.place, what, {"line": line, **body})
        except GatewayError:
            # It would miss something, and is to come back.
            self._dismiss(line, certain=False)

    # -- from their gateways

    async def _resume(self, place: str, body: Body) -> Body:
        line, caller, remote = str(body["line"]), Caller.of(body["caller"]), str(body["remote"])
        visitor = self._here.get(line)
        if visitor is None:
            # Redis may have held this up: the client has gone since, or is back by another way.
            if not await self._lines.is_wanted(line, place):
                raise GatewayError(ErrorCode.NO_SESSION, "the connection is closing")
            client = Client(line, self, remote=remote)
            client.caller, client.owner = caller, caller.owner
            visitor = self._here[line] = Visitor(client, place)
            self._host.admit(client)
            self._lines.add(line, place, lambda: self._dismiss(line, certain=False))
            self._lines.opened(line)
        return await self._host.resume(visitor.client, body.get("data"))

    async def _event(self, place: str, body: Body) -> Body:
        visitor = self._here.get(str(body["line"]))
        if visitor is None or visitor.place != place:
            raise GatewayError(ErrorCode.NO_SESSION, "join_session comes first")
        return await self._host.receive(visitor.client, str(body["name"]), body["args"])

    def _left(self, place: str, body: Body) -> None:
        self._dismiss(str(body.get("line")), certain=bool(body.get("certain")))

    def _dismiss(self, line: str, *, certain: bool) -> None:
        visitor = self._here.pop(line, None)
        self._lines.remove(line)
        if visitor is not None:
            self._host.dismiss(visitor.client, certain=certain)
            task = asyncio.create_task(visitor.client.close(), name=f"cluster-leaves-{line}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
