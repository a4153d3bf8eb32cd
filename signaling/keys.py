"""Ephemeral keys: what a server asks for and hands to its page, so that the page may open a session
of the configuration that the server chose.

A key is ``ek_`` and a JWT (RFC 7519, HS256): nothing is kept for it. Its configuration can be read
by whoever holds it, as can what a session tells its client.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

import jwt

from gateway.core.events import ErrorCode, GatewayError

PREFIX: Final = "ek_"

MAX_KEY: Final = 24_576
"""Characters of a key: it has to fit into a header, beside a few others."""

MAX_HEADER: Final = 32_768
"""Bytes of one HTTP header, with a key in it."""

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "talkpath:session"
"""Tells a key from another token under the same secret (RFC 7519 §4.1.3)."""


@dataclass(frozen=True, slots=True)
class KeySession:
    """The configuration that a key carries; None: the gateway's default."""

    model: str | None = None
    agent_set: str | None = None
    instructions: str | None = None
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """``expires_at``: seconds since 1970."""

    id: str
    value: str
    expires_at: int


class EphemeralKeys:
    """Keys under one secret.

    :param secret: by default one of this process, whose keys end with it.
    :param clock: seconds since 1970.
    """

    def __init__(self, secret: bytes | None = None, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock

    def issue(self, session: KeySession, lifetime: int) -> EphemeralKey:
        """A key for ``session``, good for ``lifetime`` seconds.

        :raises GatewayError: ``too_large``: no header has room for that configuration.
        """
        key_id, expires_at = f"sess_{secrets.token_hex(12)}", int(self._clock()) + lifetime
        given = {name: value for name, value in asdict(session).items() if value is not None}
        claims = {"aud": _AUDIENCE, "jti": key_id, "exp": expires_at, "session": given}
        value = PREFIX + jwt.encode(claims, self._secret, _ALGORITHM)
        if len(value) > MAX_KEY:
            raise GatewayError(ErrorCode.TOO_LARGE, "the configuration is too long for a key")
        return EphemeralKey(key_id, value, expires_at)

    def open(self, token: str | None) -> KeySession:
        """The configuration of the key that a client shows. No key: the defaults.

        :raises GatewayError: ``unauthorized``: it has expired, or is not of this gateway.
        """
        if token is None or not token.startswith(PREFIX):
            return KeySession()
        try:
            # The time is compared here, for the clock is a parameter.
            claims = jwt.decode(
                token.removeprefix(PREFIX),
                self._secret,
                [_ALGORITHM],
                {"verify_exp": False, "require": ["exp", "aud", "session"]},
                audience=_AUDIENCE,
            )
        except (jwt.InvalidTokenError, ValueError):
            raise _refused() from None
        if claims["exp"] <= self._clock():
            raise _refused()
        return KeySession(**claims["session"])


def _refused() -> GatewayError:
    return GatewayError(ErrorCode.UNAUTHORIZED, "the key has expired, or is not of this gateway")


def shown_token(auth: object, authorization: str | None) -> str | None:
    """The token that a client shows: Socket.IO's ``auth: {token}``, or else
    ``Authorization: Bearer`` (RFC 6750 §2.1).
    """
    if isinstance(auth, Mapping) and isinstance(token := auth.get("token"), str) and token:
        return token
    scheme, _, credentials = (authorization or "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None
