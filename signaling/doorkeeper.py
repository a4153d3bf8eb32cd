"""The door-keeper: finds out who comes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Protocol

from gateway.config import Settings
from gateway.core.events import ErrorCode, GatewayError
from signaling.caller import Caller, Scope
from signaling.keys import EphemeralKeys, Store, is_key
from signaling.oidc import OidcTokens
from signaling.tokens import MAX_TOKEN, SecretTokens


class Verifier(Protocol):
    """One kind of token."""

    async def verify(self, token: str) -> Caller | None:
        """Who shows it; None: it has expired, or is none of this kind."""

    async def close(self) -> None: ...


class Doorkeeper:
    """:param verifiers: of the tokens that let in; none: the gateway is open."""

    def __init__(self, keys: EphemeralKeys, verifiers: Sequence[Verifier] = ()) -> None:
        self._keys = keys
        self._verifiers = verifiers

    @property
    def is_open(self) -> bool:
        return not self._verifiers

    async def close(self) -> None:
        for verifier in self._verifiers:
            await verifier.close()

    async def identify(self, token: str | None, *, even_expired: bool = False) -> Caller:
        """Who shows ``token``; None: nothing was shown.

        :param even_expired: an ephemeral key may have expired: what it opened is still its own.
        :raises GatewayError: ``unauthorized``.
        """
        if token is not None and is_key(token):
            grant = self._keys.claimed(token) if even_expired else await self._keys.open(token)
            return Caller(grant.owner, None, frozenset({Scope.CALL}), grant)
        if self.is_open:
            return Caller(has_credential=token is not None)
        if token is None:
            raise GatewayError(ErrorCode.UNAUTHORIZED, "a token is needed")
        if len(token) <= MAX_TOKEN:
            for verifier in self._verifiers:
                if (caller := await verifier.verify(token)) is not None:
                    return caller
        raise GatewayError(
            ErrorCode.UNAUTHORIZED, "the token has expired, or is not for this gateway"
        )


def secret_of(settings: Settings) -> bytes | None:
    """``AUTH_SECRET``, which all gateways that stand side by side know."""
    secret = settings.auth_secret
    return secret.get_secret_value().encode() if secret is not None else None


def derived(secret: bytes, purpose: str) -> bytes:
    """A secret for one purpose: what it signs is good for no other."""
    return hmac.digest(secret, f"talkpath: {purpose}".encode(), hashlib.sha256)


def doorkeeper(
    settings: Settings, common: bytes | None = None, store: Store | None = None
) -> tuple[EphemeralKeys, Doorkeeper]:
    """The keys and the tokens that open this gateway.

    :param common: a secret that other gateways know too: without ``AUTH_SECRET`` it makes the keys.
    :param store: as :class:`EphemeralKeys` has it.
    """
    secret, verifiers = secret_of(settings) or common, list[Verifier]()
    keys = EphemeralKeys(derived(secret, "ephemeral keys") if secret else None, store=store)
    if settings.auth_secret is not None:
        verifiers.append(SecretTokens(settings.auth_secret.get_secret_value()))
    if settings.oidc_issuer is not None:
        verifiers.append(OidcTokens(settings.oidc_issuer, settings.oidc_audience))
    return keys, Doorkeeper(keys, verifiers)
