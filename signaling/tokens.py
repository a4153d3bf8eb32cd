"""Tokens signed with ``AUTH_SECRET``: JWTs (RFC 7519, HS256) of ``{sub, exp, scope?}``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeGuard

import jwt
from jwt.types import Options

from signaling.caller import Caller, Scope

MAX_TOKEN: Final = 8_192
"""Characters of a token; what is longer is not even decoded."""

MAX_SUBJECT: Final = 256

ALGORITHM: Final = "HS256"

_IDENTITY: Final = frozenset(
    {"openid", "profile", "email", "address", "phone", "offline_access"}  # OpenID Connect §5.4, §11
)


class SecretTokens:
    """Those of whoever knows the secret.

    :param clock: seconds since 1970.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def mint(self, subject: str, scopes: frozenset[Scope], lifetime: float) -> str:
        """A token that is good for ``lifetime`` seconds."""
        claims = {
            "sub": subject,
            "exp": int(self._clock() + lifetime),
            "scope": " ".join(sorted(scopes)),
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    async def verify(self, token: str) -> Caller | None:
        """Who shows it; None: it has expired, or is none of ours."""
        try:
            claims = jwt.decode(token, self._secret, [ALGORITHM], CHECKS)
        except (jwt.InvalidTokenError, ValueError):
            return None
        return caller_of(claims, self._clock())

    async def close(self) -> None:
        """Nothing is open."""


CHECKS: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "require": ["exp"],
}
"""The times are compared by :func:`caller_of`, for the clock is a parameter."""


def caller_of(
    claims: Mapping[str, Any], now: float, leeway: float = 0.0, issuer: str | None = None
) -> Caller | None:
    """The caller of a token whose signature holds; None: it is not in force, or names nobody.

    :param leeway: seconds that its issuer's clock may differ.
    :param issuer: whose subjects these are: two issuers may give the same name to two people.
    """
    subject: object = claims.get("sub")
    expires: object = claims.get("exp")
    begins: object = claims.get("nbf", 0)
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        return None
    if not _is_time(expires) or not _is_time(begins):
        return None
    if not begins - leeway <= now < expires + leeway:
        return None
    owner = subject if issuer is None else f"{issuer} {subject}"
    return Caller(owner, subject, _scopes(claims.get("scope", claims.get("scp"))))


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scopes(value: object) -> frozenset[Scope]:
    """Of a token that says nothing: ``call``. Who is an operator may also call."""
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    # What every OpenID token says of itself limits nothing.
    named = {word for word in words if isinstance(word, str)} - _IDENTITY
    if not named:
        return frozenset({Scope.CALL}) if value is None or words else frozenset()
    if Scope.ADMIN in named:
        return frozenset(Scope)
    return frozenset(scope for scope in Scope if scope in named)
