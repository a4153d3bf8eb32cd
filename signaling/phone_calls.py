"""``POST /api/calls``: the gateway calls somebody."""

from __future__ import annotations

from collections import OrderedDict
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.audit.actor import acting
from gateway.audit.audit import Audit
from signaling.auth import CALLER
from signaling.bodies import read_json
from signaling.events import MAX_NAME, bad_request, text_field
from signaling.http_errors import not_found
from signaling.live_calls import LiveCalls
from signaling.sip.called import MAX_ADDRESS, BadAddress
from signaling.sip.dialling import CallState, Dialling
from signaling.sip.door import SipDoor
from signaling.sip.ways import NotReachable

MAX_BODY: Final = 4_096

MAX_KEPT: Final = 1_000
"""Calls that can be asked about; of those that are over the oldest go first."""


class PhoneCallsDoor:
    def __init__(self, sip: SipDoor, live: LiveCalls, audit: Audit) -> None:
        self._sip = sip
        self._audit = audit
        self._live = live
        self._calls: OrderedDict[str, Dialling] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        call = "/api/calls/{call_id}"
        return [
            web.post("/api/calls", self._create),
            web.get(call, self._show),
            web.delete(call, self._hang_up),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        """Call ``{to, agentSet?, from?}``: 201 as soon as it is under way."""
        body = await read_json(request, MAX_BODY)
        to = text_field(body, "to", MAX_ADDRESS)
        if to is None:
            raise bad_request("to is missing")
        agent_set = text_field(body, "agentSet", MAX_NAME)
        try:
            call = await self._sip.dial(to, agent_set, text_field(body, "from", MAX_ADDRESS))
            call.session.owner = request[CALLER].owner
        except BadAddress as error:
            raise bad_request(str(error)) from None
        except NotReachable as error:
            raise not_found(str(error)) from None
        self._keep(call)
        self._live.add(call.id, call.session)
        location = {"Location": f"/api/calls/{call.id}"}
        return web.json_response(_shown(call), status=HTTPStatus.CREATED, headers=location)

    def _keep(self, call: Dialling) -> None:
        self._calls[call.id] = call
        if len(self._calls) > MAX_KEPT:
            over = (old for old in self._calls.values() if old.state is CallState.ENDED)
            if (oldest := next(over, None)) is not None:
                del self._calls[oldest.id]

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(_shown(self._find(request)))

    async def _hang_up(self, request: web.Request) -> web.Response:
        """Stop ringing, or hang up; once more changes nothing."""
        call = self._find(request)
        self._audit.note("call.hangup", acting(), call.session.id, call=call.id)
        call.hang_up()
        return web.json_response(_shown(call))

    def _find(self, request: web.Request) -> Dialling:
        call_id = request.match_info["call_id"]
        try:
            return self._calls[call_id]
        except KeyError:
            raise not_found(f"there is no call {call_id[:64]!r}") from None


def _shown(call: Dialling) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": call.id,
        "sessionId": call.session.id,
        "to": call.to,
        "state": call.state.value,
    }
    if call.state is CallState.ENDED:
        shown["reason"] = call.reason
    if call.failure is not None:
        shown["sipCode"] = call.failure.code
        if call.failure.retry_after is not None:
            shown["retryAfter"] = call.failure.retry_after
    return shown
