"""Ephemeral keys: what a server asks for and hands to its page, so that the page may open sessions
of the configuration that the server chose, and of no other.

A key is ``ek_`` and a JWT (RFC 7519, HS256) with its configuration in it: nothing is kept, and
whoever holds the key can read it. A configuration too long for a header that every proxy lets
through is kept until its key expires.
"""

from __future__ import annotations

import hashlib
import heapq
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import jwt

from gateway.core.events import ErrorCode, GatewayError
from signaling.session_config import SessionConfig

PREFIX: Final = "ek_"

MAX_KEY: Final = 4_096
"""Characters of a key: it has to fit into a header of 8 KiB, beside a few others."""

MAX_KEPT: Final = 32 * 1024 * 1024
"""Characters of all configurations that a gateway keeps, or lets Redis keep."""

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "talkpath:session"
"""Tells a key from another token under the same secret (RFC 7519 §4.1.3)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client may open.

    :ivar key_id: of the key that it showed; None: it showed none.
    :ivar owner: who asked for the key; None: nobody knows.
    """

    config: SessionConfig = field(default_factory=SessionConfig)
    key_id: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """``expires_at``: seconds since 1970."""

    id: str
    value: str
    expires_at: int


class Store(Protocol):
    """Keeps what does not fit into a key."""

    async def keep(self, name: str, value: str, seconds: float) -> None:
        """:raises GatewayError: it cannot be kept now."""

    async def kept(self, name: str) -> str | None:
        """None: nothing, or no longer. :raises GatewayError: that cannot be found out."""


class Memory:
    """A store of this process.

    :param clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: dict[str, str] = {}
        self._until: list[tuple[float, str]] = []

    async def keep(self, name: str, value: str, seconds: float) -> None:
        """Each name once."""
        self._forget_expired()
        self._kept[name] = value
        heapq.heappush(self._until, (self._clock() + seconds, name))

    async def kept(self, name: str) -> str | None:
        """None: nothing, or no longer."""
        self._forget_expired()
        return self._kept.get(name)

    def _forget_expired(self) -> None:
        while self._until and self._until[0][0] <= self._clock():
            del self._kept[heapq.heappop(self._until)[1]]


class _Room:
    """For the configurations that are kept until their keys expire.

    :param clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._taken = 0
        self._until: list[tuple[float, int]] = []

    def check(self, length: int) -> None:
        """:raises GatewayError: ``capacity``: there is not so much."""
        while self._until and self._until[0][0] <= self._clock():
            self._taken -= heapq.heappop(self._until)[1]
        if self._taken + length > MAX_KEPT:
            raise GatewayError(ErrorCode.CAPACITY, "the gateway keeps no more configurations now")

    def take(self, length: int, until: float) -> None:
        self._taken += length
        heapq.heappush(self._until, (until, length))


class EphemeralKeys:
    """Keys under one secret. One key opens any number of sessions until it expires.

    :param secret: by default one of this process, whose keys end with it.
    :param clock: seconds since 1970.
    :param store: of what does not fit into a key; by default this process's own.
    """

    def __init__(
        self,
        secret: bytes | None = None,
        clock: Callable[[], float] = time.time,
        store: Store | None = None,
    ) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock
        self._store = store if store is not None else Memory(clock)
        self._room = _Room(clock)

    async def issue(
        self, config: SessionConfig, lifetime: int, owner: str | None = None
    ) -> EphemeralKey:
        """A key for ``config``, good for ``lifetime`` seconds.

        :param owner: whose the sessions are that it opens.
        :raises GatewayError: as the store, for a long configuration.
        """
        key_id, expires_at = f"sess_{secrets.token_hex(12)}", int(self._clock()) + lifetime
        claims: dict[str, Any] = {"aud": _AUDIENCE, "jti": key_id, "exp": expires_at}
        if owner is not None:
            claims["sub"] = owner
        text = config.encode()
        value = self._sign({**claims, "config": text}) if len(text) < MAX_KEY else ""
        if not 0 < len(value) <= MAX_KEY:
            self._room.check(len(text))
            await self._store.keep(_name(key_id), text, lifetime)
            self._room.take(len(text), expires_at)
            value = self._sign({**claims, "digest": _digest(text)})
        return EphemeralKey(key_id, value, expires_at)

    def _sign(self, claims: Mapping[str, Any]) -> str:
        return PREFIX + jwt.encode(dict(claims), self._secret, _ALGORITHM)

    async def open(self, token: str | None) -> Grant:
        """What the key that a client shows lets it open. No key: anything.

        :raises GatewayError: ``unauthorized``: it has expired, or is not of this gateway;
            ``upstream_unavailable``: what it is good for cannot be found out now.
        """
        if not is_key(token):
            return Grant()
        claims = self._claims(token)
        if claims["exp"] <= self._clock():
            raise _refused()
        text = claims.get("config")
        if text is None:
            text = await self._store.kept(_name(claims["jti"])) or ""
            # Others may be able to write to the store.
            if _digest(text) != claims.get("digest"):
                raise _refused()
        return Grant(SessionConfig.decode(text), claims["jti"], claims.get("sub"))

    def claimed(self, token: str) -> Grant:
        """Whose a key is, be it expired: what it opened is still its own. It opens nothing new.

        :raises GatewayError: ``unauthorized``: it is not of this gateway.
        """
        claims = self._claims(token)
        return Grant(SessionConfig(), claims["jti"], claims.get("sub"))

    def _claims(self, token: str | None) -> dict[str, Any]:
        try:
            # The time is compared elsewhere, for the clock is a parameter.
            return jwt.decode(
                (token or "").removeprefix(PREFIX),
                self._secret,
                [_ALGORITHM],
                {"verify_exp": False, "require": ["exp", "aud", "jti"]},
                audience=_AUDIENCE,
            )
        except (jwt.InvalidTokenError, ValueError):
            raise _refused() from None


def _name(key_id: str) -> str:
    return f"key:{key_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def is_key(token: str | None) -> bool:
    """Whether a token says of itself that it is an ephemeral key."""
    return token is not None and token.startswith(PREFIX)


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
