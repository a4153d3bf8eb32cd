"""``POST /v1/realtime/calls/{id}/hangup`` and its sisters: an application's hand on a live call, as
OpenAI's API has it.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gateway.agents.call_control import NotPossible
from gateway.audit.actor import acting
from gateway.core.ending import Ending
from gateway.sessions import Sessions
from signaling.auth import CALLER
from signaling.bodies import read_json
from signaling.client_secrets import MAX_BODY
from signaling.events import bad_request, text_field
from signaling.http_errors import conflict
from signaling.live_calls import LiveCall, LiveCalls
from signaling.ringing import DECLINE, Ringing
from signaling.session_config import SessionConfig

MAX_TARGET: Final = 256

REFUSALS: Final = range(400, 700)
"""SIP codes that refuse a call; redirections would need an address."""


class CallControlDoor:
    def __init__(self, sessions: Sessions, live: LiveCalls) -> None:
        self._sessions = sessions
        self._live = live

    def routes(self) -> list[web.RouteDef]:
        call = "/v1/realtime/calls/{call_id}"
        return [
            web.post(f"{call}/hangup", self._hang_up),
            web.post(f"{call}/accept", self._accept),
            web.post(f"{call}/reject", self._reject),
            web.post(f"{call}/refer", self._refer),
        ]

    def _call(self, request: web.Request, action: str) -> LiveCall:
        """The call that ``action`` is done to, which is noted."""
        call = self._live.find(request.match_info["call_id"], request[CALLER])
        session_id = call.session.id if call.session is not None else None
        self._sessions.audit.note(f"call.{action}", acting(), session_id, call=call.id)
        return call

    async def _hang_up(self, request: web.Request) -> web.Response:
        """End a call; answered when nothing of it is left. One that rings is refused."""
        call = self._call(request, "hangup")
        if call.ringing is not None:
            call.ringing.reject()
        else:
            await self._sessions.end(call.in_progress(), Ending.CONTROLLED)
        return web.Response()

    async def _accept(self, request: web.Request) -> web.Response:
        """Answer a call that rings; the body is its session. Answered when the call is."""
        ringing = _ringing(self._call(request, "accept"))
        config = SessionConfig.parse(await read_json(request, MAX_BODY))
        if config.agent_set is not None:
            self._sessions.find_agents(config.agent_set)
        await ringing.accept(config)
        return web.Response()

    async def _reject(self, request: web.Request) -> web.Response:
        """Refuse a call that rings, with ``{status_code}``."""
        ringing = _ringing(self._call(request, "reject"))
        ringing.reject(_code((await read_json(request, MAX_BODY)).get("status_code")))
        return web.Response()

    async def _refer(self, request: web.Request) -> web.Response:
        """Pass a phone's call on to ``{target_uri}``; answered when the other side took it."""
        session = self._call(request, "refer").in_progress()
        target = text_field(await read_json(request, MAX_BODY), "target_uri", MAX_TARGET)
        if target is None:
            raise bad_request("target_uri is missing")
        try:
            await session.call.transfer(target)
        except NotPossible as error:
            raise conflict(str(error)) from None
        return web.Response()


def _ringing(call: LiveCall) -> Ringing:
    """:raises Refused: ``conflict``: it does not ring."""
    if call.ringing is None:
        raise conflict("the call does not wait to be accepted")
    return call.ringing


def _code(value: Any) -> int:
    """:raises GatewayError: ``bad_request``."""
    if value is None:
        return DECLINE
    if type(value) is not int or value not in REFUSALS:
        raise bad_request("status_code must be a SIP code of 400 to 699")
    return value
