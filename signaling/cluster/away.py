"""Clients of this gateway whose session is at another one: what they send is passed on to there,
and what they are told comes from there.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.events import ErrorCode, GatewayError
from gateway.sessions import NO_SUCH_SESSION
from signaling.caller import Caller
from signaling.client import Client
from signaling.cluster.bus import Body, Bus, Gone
from signaling.cluster.lines import Lines

EVENT_TIMEOUT: Final = 7.0
"""Seconds that an event may take there; less than it may take here, so that this is what is told.
"""

Ack = dict[str, Any]


class Away:
    """One client's line to its session."""

    def __init__(self, client: Client, place: str) -> None:
        self.id = secrets.token_hex(12)
        self.client = client
        self.place = place


class AwayClients:
    """All of this gateway."""

    def __init__(self, bus: Bus, lines: Lines) -> None:
        self._bus, self._lines = bus, lines
        self._away: dict[str, Away] = {}
        bus.on_tell("told", self._told)
        bus.on_tell("over", self._over)

    def __len__(self) -> int:
        return len(self._away)

    def elsewhere(self, session_id: str | None) -> str | None:
        """The other gateway that a session is of; None: it is none of another's."""
        return self._bus.place.elsewhere(session_id or "")

    async def join(self, client: Client, place: str, data: Any, caller: Caller) -> Ack:
        """Resume a session there; what the client is to be acknowledged. A session that it has had
        at a third gateway is left then, and not before.

        :raises GatewayError: ``session_expired``: there is none, or it is not this client's;
            ``upstream_unavailable``: that cannot be found out now; ``no_session``: the client is
            gone.
        """
        before = client.away
        away = before if before is not None and before.place == place else None
        if away is None:
            away = self._away_to(place, client)
        told = {"line": away.id, "data": data, "caller": caller.told(), "remote": client.remote}
        joined = False
        try:
            answer = await self._ask(place, "resume", told)
            joined = not client.gone
        finally:
            if not joined and away is not before:
                # The session may have been resumed all the same, and told what nobody heard.
                self._leave(away, certain=False)
        if not joined:
            raise GatewayError(ErrorCode.NO_SESSION, "the connection is closing")
        if away is not before:
            self.leave(client, certain=True)
            client.away = away
            self._lines.opened(away.id)
        return dict(answer)

    def _away_to(self, place: str, client: Client) -> Away:
        away = Away(client, place)

        def lost() -> None:
            # It may have missed something: it comes back, and is told again.
            self._forget(away)
            client.cut()

        self._away[away.id] = away
        self._lines.add(away.id, place, lost)
        return away

    async def handle(self, client: Client, name: str, args: tuple[Any, ...]) -> Ack:
        """What an event of the client is acknowledged with there.

        :raises GatewayError: that could not be found out.
        """
        away = client.away
        if away is None:
            raise GatewayError(ErrorCode.NO_SESSION, "the session is not at another gateway")
        event = {"line": away.id, "name": name, "args": list(args)}
        return dict(await self._ask(away.place, "event", event))

    async def end(self, client: Client) -> None:
        """End the client's session there: it comes to have another."""
        with contextlib.suppress(GatewayError):
            await self.handle(client, "disconnect_session", ())
        self.leave(client, certain=True)

    def leave(self, client: Client, *, certain: bool) -> None:
        """The client has left.

        :param certain: as :meth:`Sessions.release` takes it.
        """
        if client.away is not None:
            self._leave(client.away, certain=certain)

    def _leave(self, away: Away, *, certain: bool) -> None:
        self._forget(away)
        self._tell(away.place, "left", {"line": away.id, "certain": certain})

    async def _ask(self, place: str, what: str, body: Body) -> Body:
        try:
            return await self._bus.ask(place, what, body, EVENT_TIMEOUT)
        except Gone:
            raise GatewayError(ErrorCode.SESSION_EXPIRED, NO_SUCH_SESSION) from None

    def _tell(self, place: str, what: str, body: Mapping[str, Any]) -> None:
        # Where Redis is not there, the other gateway has noticed by itself.
        with contextlib.suppress(GatewayError):
            self._bus.tell(place, what, body)

    def _forget(self, away: Away) -> None:
        self._away.pop(away.id, None)
        self._lines.remove(away.id)
        if away.client.away is away:
            away.client.away = None

    # -- from there

    def _told(self, place: str, body: Body) -> None:
        """The session tells its client something."""
        away = self._find(place, body)
        match body:
            case {"name": str(name), "payload": payload, "several": bool(several)} if away:
                away.client.tell(name, tuple(payload) if several else payload)

    def _over(self, place: str, body: Body) -> None:
        """The session's gateway lets its client go."""
        away = self._find(place, body)
        if away is not None:
            self._forget(away)
            if body.get("cut"):
                away.client.cut()

    def _find(self, place: str, body: Body) -> Away | None:
        away = self._away.get(str(body.get("line")))
        return away if away is not None and away.place == place else None
