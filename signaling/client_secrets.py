"""``POST /v1/realtime/client_secrets``, ``/v1/realtime/sessions`` as it was before that, and
``/api/session`` as the original bridge had it: keys that open this gateway, never the model's
server.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.audit.actor import acting
from gateway.sessions import Sessions
from signaling.auth import CALLER
from signaling.bodies import read_json
from signaling.events import bad_request, mapping
from signaling.http_errors import Refused
from signaling.keys import EphemeralKey, EphemeralKeys
from signaling.session_config import SessionConfig, beta_fields

MAX_BODY: Final = 262_144

LIFETIME: Final = 600
SHORTEST: Final = 10
LONGEST: Final = 7_200
"""Seconds, as at OpenAI."""

BETA_LIFETIME: Final = 60
"""Of a key that ``/v1/realtime/sessions`` gives."""


class ClientSecretsDoor:
    """:param defaults: what a key's session is told to be where its request says nothing."""

    def __init__(self, sessions: Sessions, keys: EphemeralKeys, defaults: SessionConfig) -> None:
        self._sessions = sessions
        self._keys = keys
        self._defaults = defaults

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/realtime/client_secrets", self._client_secret),
            web.post("/v1/realtime/sessions", self._beta_session),
            web.post("/api/session", self._bridge_session),
            # As the pages of OpenAI's demo ask their own server.
            web.get("/api/session", self._bridge_session, allow_head=False),
        ]

    async def _client_secret(self, request: web.Request) -> web.Response:
        """``{value, expires_at, session}``."""
        body = await read_json(request, MAX_BODY)
        return _uncached(await self._issue(request, body.get("session"), body.get("expires_after")))

    async def _bridge_session(self, request: web.Request) -> web.Response:
        """The same, and ``client_secret``, where older clients look for the key."""
        body = await read_json(request, MAX_BODY)
        answer = await self._issue(request, body.get("session"), body.get("expires_after"))
        return _uncached({**answer, "client_secret": _twin(answer)})

    async def _beta_session(self, request: web.Request) -> web.Response:
        """The body is the session; so is the answer, with ``client_secret``."""
        body = await read_json(request, MAX_BODY)
        given = body.get("client_secret")
        secret = mapping("client_secret", {} if given is None else given)
        answer = await self._issue(request, body, secret.get("expires_after"), BETA_LIFETIME)
        session: dict[str, Any] = answer["session"]
        twin = {"client_secret": _twin(answer)}
        return _uncached(
            {**beta_fields(session), "modalities": ["audio", "text"], **session, **twin}
        )

    async def _issue(
        self,
        request: web.Request,
        asked: object,
        expires_after: object,
        lifetime: int = LIFETIME,
    ) -> dict[str, Any]:
        caller = request[CALLER]
        if caller.grant.key_id is not None:
            raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "a key makes no further keys")
        config = SessionConfig.parse(asked)
        if config.agent_set is not None:
            self._sessions.find_agents(config.agent_set)
        key = await self._keys.issue(config, parse_lifetime(expires_after, lifetime), caller.owner)
        self._sessions.audit.note("key.minted", acting(), key=key.id, expiresAt=key.expires_at)
        session = self._shown(key, config)
        return {"value": key.value, "expires_at": key.expires_at, "session": session}

    def _shown(self, key: EphemeralKey, config: SessionConfig) -> dict[str, Any]:
        """The session object of the GA protocol, of what the key is bound to."""
        audio = dict(config.session.get("audio") or {})
        voice = {"voice": self._defaults.voice}
        audio["output"] = {**voice, **(audio.get("output") or {})}
        return {
            "output_modalities": ["audio"],
            **config.session,
            "id": key.id,
            "object": "realtime.session",
            "type": "realtime",
            "model": config.model or self._defaults.model,
            "audio": audio,
            "agentSet": config.agent_set or self._defaults.agent_set,
            **({"control": config.control} if config.control is not None else {}),
            "expires_at": key.expires_at,
        }


def parse_lifetime(data: object, default: int = LIFETIME) -> int:
    """``expires_after`` as seconds. :raises GatewayError: ``bad_request``."""
    fields = mapping("expires_after", {} if data is None else data)
    seconds = fields.get("seconds", default)
    if fields.get("anchor", "created_at") != "created_at":
        raise bad_request("expires_after.anchor must be created_at")
    if type(seconds) is not int or not SHORTEST <= seconds <= LONGEST:
        raise bad_request(f"expires_after.seconds must be {SHORTEST} to {LONGEST}")
    return seconds


def _twin(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": answer["value"], "expires_at": answer["expires_at"]}


def _uncached(answer: dict[str, Any]) -> web.Response:
    return web.json_response(answer, headers={"Cache-Control": "no-store"})
