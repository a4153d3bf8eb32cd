"""WHIP (RFC 9725): a call opened, trickled to, restarted and ended with plain HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiohttp import web
from multidict import CIMultiDict

from gateway.audit.actor import acting
from gateway.core.control import Control
from gateway.core.ending import Ending
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.sdp_fragment import SdpFragment, ice_of, restarted
from gateway.core.sdp_grammar import SdpError
from gateway.session import Session
from gateway.sessions import Sessions
from signaling.auth import CALLER
from signaling.bodies import read_body
from signaling.events import MAX_SDP
from signaling.http_errors import Refused
from signaling.ice import IceServers
from signaling.live_calls import LiveCalls
from signaling.realtime_session import open_session

OFFER: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"


class _Resource:
    """What WHIP remembers of a session: the offer in force, and whose ICE generation it is."""

    def __init__(self, offer: str) -> None:
        self.turn = asyncio.Lock()
        """Held while a PATCH is answered: their order counts."""
        self.take(offer)

    def take(self, offer: str) -> None:
        self.offer = offer
        self.ice = ice_of(offer)[0]

    @property
    def etag(self) -> str:
        """Of the ICE generation (RFC 9725 §4.3.1), of which it tells nothing."""
        generation = f"{self.ice.ice_ufrag} {self.ice.ice_pwd}"
        return f'"{hashlib.sha256(generation.encode()).hexdigest()[:24]}"'


class WhipDoor:
    """The endpoint ``/whip``, and a resource below it for each session."""

    def __init__(self, sessions: Sessions, live: LiveCalls, ice_servers: IceServers) -> None:
        self._sessions = sessions
        self._live = live
        self._ice_servers = ice_servers
        self._resources: WeakKeyDictionary[Session, _Resource] = WeakKeyDictionary()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/whip", self._create),
            web.options("/whip", self._describe_endpoint),
            web.patch("/whip/{call_id}", self._patch),
            web.delete("/whip/{call_id}", self._delete),
            web.options("/whip/{call_id}", self._describe_resource),
        ]

    async def _describe_endpoint(self, request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Accept-Post": OFFER})

    async def _describe_resource(self, request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Accept-Patch": FRAGMENT})

    async def _create(self, request: web.Request) -> web.Response:
        """Answer an offer: 201, the answer, and where the session is."""
        caller = request[CALLER]
        offer = await _read(request, OFFER, "Accept-Post")
        call_id, config = self._live.new_id(), caller.grant.config
        # Its clients speak no protocol by which they could run the call: only a key says that.
        config = replace(config, control=config.control or Control.AGENTS.value)
        caller = replace(caller, grant=replace(caller.grant, config=config))
        session = open_session(self._sessions, call_id, caller, {}, door="whip")
        async with contextlib.AsyncExitStack() as unanswered:
            unanswered.push_async_callback(self._sessions.end, session, Ending.NO_ANSWER)
            answer = await session.offer(offer)
            unanswered.pop_all()
        self._resources[session] = resource = _Resource(offer)
        self._live.add(call_id, session, caller.grant)
        headers = CIMultiDict({"Location": f"/whip/{call_id}", "ETag": resource.etag})
        for link in ice_links(self._ice_servers.for_user(call_id)):
            headers.add("Link", link)
        return web.Response(
            status=HTTPStatus.CREATED, text=answer, content_type=OFFER, headers=headers
        )

    def _find(self, request: web.Request) -> tuple[Session, _Resource]:
        # A call outlives its key, and has to be ended and to change its network all the same.
        call_id = request.match_info["call_id"]
        session = self._live.find(call_id, request[CALLER]).in_progress()
        resource = self._resources.get(session)
        if resource is None:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", "the call is none of WHIP's")
        return session, resource

    async def _patch(self, request: web.Request) -> web.Response:
        """Candidates (204), or an ICE restart (200, with ours)."""
        session, resource = self._find(request)
        text = await _read(request, FRAGMENT, "Accept-Patch")
        try:
            fragment = SdpFragment.parse(text)
        except SdpError as error:
            raise GatewayError(ErrorCode.BAD_REQUEST, str(error)) from None
        condition = request.headers.get("If-Match")
        if condition is None:
            raise Refused(
                HTTPStatus.PRECONDITION_REQUIRED, "precondition_required", "If-Match is missing"
            )
        async with resource.turn:
            if condition.strip() != "*" and resource.etag not in _tags(condition):
                raise Refused(
                    HTTPStatus.PRECONDITION_FAILED,
                    "precondition_failed",
                    "the candidates are of another ICE session",
                )
            if fragment.ice_ufrag in ("", resource.ice.ice_ufrag):
                return await _trickle(session, fragment)
            return await self._restart(session, resource, fragment)

    async def _restart(
        self, session: Session, resource: _Resource, fragment: SdpFragment
    ) -> web.Response:
        try:
            offer = restarted(resource.offer, fragment)
        except SdpError as error:
            raise GatewayError(ErrorCode.BAD_REQUEST, str(error)) from None
        ours, mid = ice_of(await session.offer(offer))
        resource.take(offer)
        return web.Response(
            text=ours.format(mid), content_type=FRAGMENT, headers={"ETag": resource.etag}
        )

    async def _delete(self, request: web.Request) -> web.Response:
        """End the session; answered when nothing of it is left."""
        session, _ = self._find(request)
        call_id = request.match_info["call_id"]
        self._sessions.audit.note("call.hangup", acting(), session.id, call=call_id)
        await self._sessions.end(session, Ending.CONTROLLED)
        return web.Response()


async def _trickle(session: Session, fragment: SdpFragment) -> web.Response:
    for candidate in fragment.candidates:
        await session.add_candidate(candidate)
    return web.Response(status=HTTPStatus.NO_CONTENT)


def ice_links(servers: Iterable[Mapping[str, Any]]) -> list[str]:
    """``Link`` headers of RTCIceServer dictionaries (RFC 9725 §4.6)."""
    links = []
    for server in servers:
        attributes = ['rel="ice-server"']
        if "credential" in server:
            attributes += [
                f"username={_quoted(server['username'])}",
                f"credential={_quoted(server['credential'])}",
                'credential-type="password"',
            ]
        links += [f"<{url}>; {'; '.join(attributes)}" for url in server["urls"]]
    return links


def _quoted(value: str) -> str:
    """A quoted-string (RFC 9110 §5.6.4)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tags(condition: str) -> list[str]:
    return [tag.strip() for tag in condition.split(",")]


async def _read(request: web.Request, kind: str, accept: str) -> str:
    if request.content_type != kind:
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            ErrorCode.UNSUPPORTED_FORMAT.value,
            f"the body must be {kind}",
            {accept: kind},
        )
    body = await read_body(request, MAX_SDP, "SDP")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise GatewayError(ErrorCode.BAD_REQUEST, "the SDP is not UTF-8") from None
