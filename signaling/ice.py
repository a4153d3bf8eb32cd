"""STUN and TURN servers as clients and the gateway's own legs are given them."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Any

from gateway.json_settings import IceServer

CREDENTIAL_MARGIN = 600.0
"""Seconds that a credential outlives the longest session: the TURN server's clock may be another,
and a session may be granted its last allocation shortly before it ends.
"""


class IceServers:
    """The servers of ``ICE_SERVERS``; those without a credential get one that expires.

    It is coturn's ``use-auth-secret`` (draft-uberti-behave-turn-rest-00 §2.2): who knows the shared
    secret can check the credential, and none needs to be stored.

    :param secret: shared with the TURN servers; None if each server has a credential of its own.
    :param session_duration: seconds that the longest session lasts.
    :param clock: seconds since 1970.
    """

    def __init__(
        self,
        servers: Sequence[IceServer],
        secret: str | None,
        session_duration: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._servers = tuple(servers)
        self._secret = secret
        self._lifetime = session_duration + CREDENTIAL_MARGIN
        self._clock = clock

    def for_user(self, user: str) -> list[dict[str, Any]]:
        """RTCIceServer dictionaries, their credentials in clear: for the wire, never for a log.

        :param user: what the TURN server's own log calls who allocates; no colon.
        """
        return [self._given(server, user) for server in self._servers]

    def _given(self, server: IceServer, user: str) -> dict[str, Any]:
        if self._secret is None or not server.lacks_credential:
            return server.as_dict()
        username = f"{int(self._clock() + self._lifetime)}:{user}"
        code = hmac.digest(self._secret.encode(), username.encode(), "sha1")
        credential = base64.b64encode(code).decode()
        return {**server.as_dict(), "username": username, "credential": credential}
