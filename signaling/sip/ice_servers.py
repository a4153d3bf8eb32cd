"""STUN and TURN servers for phones in a browser, which SIP has no place for."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from signaling.http_errors import Refused
from signaling.ice import IceServers
from signaling.sip.digest import REALM

ANYBODY: Final = "phone"
"""What the TURN server is told where there are no accounts."""


class PhoneIceServers:
    """``GET /sip/ice-servers``: ``{iceServers}``, each as an RTCIceServer.

    :param users: passwords by name, as for calls; empty: anybody may ask, unless ``closed``.
    """

    def __init__(
        self, servers: IceServers, users: Mapping[str, str] | None, *, closed: bool = False
    ) -> None:
        self._servers = servers
        self._users = users
        self._closed = closed
        # The password of names that are not there: their check takes as long as another, and fails.
        self._nobody = secrets.token_hex(16)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/sip/ice-servers", self._tell)]

    async def _tell(self, request: web.Request) -> web.Response:
        user = self._user(request.headers.get("Authorization", ""))
        if user is None:
            message = "expected name and password of a phone's account (HTTP Basic)"
            challenge = {"WWW-Authenticate": f'Basic realm="{REALM}", charset="UTF-8"'}
            raise Refused(HTTPStatus.UNAUTHORIZED, "unauthorized", message, challenge)
        return web.json_response(
            {"iceServers": self._servers.for_user(user)}, headers={"Cache-Control": "no-store"}
        )

    def _user(self, credentials: str) -> str | None:
        """Who asks; None: nobody with an account."""
        if not self._users:
            return None if self._closed else ANYBODY
        name, _, given = _decoded(credentials).partition(":")
        password = self._users.get(name, self._nobody)
        return name if hmac.compare_digest(password.encode(), given.encode()) else None


def _decoded(credentials: str) -> str:
    """``name:password`` of an ``Authorization`` (RFC 7617 §2); empty if it is none."""
    scheme, _, value = credentials.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode()
    except ValueError:
        return ""
