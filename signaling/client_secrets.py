"""``POST /v1/realtime/client_secrets``, and ``POST /api/session`` as the original bridge had it:
keys that open this gateway, never the model's server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.sessions import Sessions
from signaling.bodies import read_body
from signaling.events import MAX_INSTRUCTIONS, MAX_NAME, bad_request, mapping, text_field
from signaling.keys import EphemeralKey, EphemeralKeys, KeySession

MAX_BODY: Final = 65_536

LIFETIME: Final = 600
SHORTEST: Final = 10
LONGEST: Final = 7_200
"""Seconds, as at OpenAI."""


class ClientSecretsDoor:
    """:param defaults: what a key's session is told to be where its request says nothing."""

    def __init__(self, sessions: Sessions, keys: EphemeralKeys, defaults: KeySession) -> None:
        self._sessions = sessions
        self._keys = keys
        self._defaults = defaults

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/realtime/client_secrets", self._client_secret),
            web.post("/api/session", self._bridge_session),
        ]

    async def _client_secret(self, request: web.Request) -> web.Response:
        """``{value, expires_at, session}``."""
        return _uncached(await self._issue(request))

    async def _bridge_session(self, request: web.Request) -> web.Response:
        """The same, and ``client_secret``, where older clients look for the key."""
        answer = await self._issue(request)
        twin = {"value": answer["value"], "expires_at": answer["expires_at"]}
        return _uncached({**answer, "client_secret": twin})

    async def _issue(self, request: web.Request) -> dict[str, Any]:
        body = _parse(await read_body(request, MAX_BODY, "body"))
        session = parse_session(body.get("session"))
        if session.agent_set is not None:
            self._sessions.find_agents(session.agent_set)
        key = self._keys.issue(session, parse_lifetime(body.get("expires_after")))
        return {
            "value": key.value,
            "expires_at": key.expires_at,
            "session": self._shown(key, session),
        }

    def _shown(self, key: EphemeralKey, session: KeySession) -> dict[str, Any]:
        """The session object of the GA protocol, of what the key is bound to."""
        shown: dict[str, Any] = {
            "id": key.id,
            "object": "realtime.session",
            "type": "realtime",
            "model": session.model or self._defaults.model,
            "output_modalities": ["audio"],
            "audio": {"output": {"voice": session.voice or self._defaults.voice}},
            "agentSet": session.agent_set or self._defaults.agent_set,
            "expires_at": key.expires_at,
        }
        if session.instructions is not None:
            shown["instructions"] = session.instructions
        return shown


def _parse(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        return {}
    try:
        return mapping("the body", json.loads(body))
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None


def parse_session(data: object) -> KeySession:
    """A session of the GA protocol, or of ``join_session``'s fields; what else it says has no
    effect.

    :raises GatewayError: ``bad_request`` or ``too_large``.
    """
    fields = mapping("session", {} if data is None else data)
    if fields.get("type", "realtime") != "realtime":
        raise bad_request("session.type must be realtime")
    audio = mapping("session.audio", fields.get("audio") or {})
    output = mapping("session.audio.output", audio.get("output") or {})
    return KeySession(
        model=text_field(fields, "model", MAX_NAME),
        agent_set=text_field(fields, "agentSet", MAX_NAME),
        instructions=text_field(fields, "instructions", MAX_INSTRUCTIONS),
        voice=text_field(output, "voice", MAX_NAME) or text_field(fields, "voice", MAX_NAME),
    )


def parse_lifetime(data: object) -> int:
    """``expires_after`` as seconds. :raises GatewayError: ``bad_request``."""
    fields = mapping("expires_after", {} if data is None else data)
    seconds = fields.get("seconds", LIFETIME)
    if fields.get("anchor", "created_at") != "created_at":
        raise bad_request("expires_after.anchor must be created_at")
    if type(seconds) is not int or not SHORTEST <= seconds <= LONGEST:
        raise bad_request(f"expires_after.seconds must be {SHORTEST} to {LONGEST}")
    return seconds


def _uncached(answer: dict[str, Any]) -> web.Response:
    return web.json_response(answer, headers={"Cache-Control": "no-store"})
