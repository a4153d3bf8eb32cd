"""Who is behind a request or a connection, and what that one may do."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from signaling.keys import Grant


class Scope(StrEnum):
    """What a token is good for."""

    CALL = "call"
    """Open sessions, and do with one's own what one likes."""
    ADMIN = "admin"
    """Everything, with everybody's: an operator."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever was let in.

    :ivar owner: whose the sessions are that it opens: a subject that no other issuer can name, for
        an ephemeral key that of whoever asked for the key. None: nobody's, at an open gateway.
    :ivar name: of the subject, for people to read.
    :ivar grant: what an ephemeral key lets it open.
    :ivar has_credential: it showed something that an open gateway has no way to check, as a server
        that is made for OpenAI does.
    """

    owner: str | None = None
    name: str | None = None
    scopes: frozenset[Scope] = frozenset({Scope.CALL})
    grant: Grant = field(default_factory=Grant)
    has_credential: bool = False

    def told(self) -> dict[str, Any]:
        """As another gateway is told of it: all but what its key lets it open."""
        return {
            "owner": self.owner,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "keyId": self.grant.key_id,
            "hasCredential": self.has_credential,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Caller:
        """The other way round. :raises LookupError, ValueError: it is no such thing."""
        return cls(
            told["owner"],
            told["name"],
            frozenset(map(Scope, told["scopes"])),
            Grant(key_id=told["keyId"], owner=told["owner"]),
            told["hasCredential"],
        )

    @property
    def is_operator(self) -> bool:
        return Scope.ADMIN in self.scopes

    def owns(self, owner: str | None) -> bool:
        """Whether what belongs to ``owner`` is in its hand: it is its own, or it is an operator."""
        if self.owner is None or self.is_operator:
            return self.is_operator or owner is None
        return owner is not None and _same(owner, self.owner)

    def controls(self, owner: str | None, key_id: str | None) -> bool:
        """Whether a call of ``owner`` is in its hand.

        :param key_id: of the ephemeral key that opened it; None: none did.
        """
        if self.grant.key_id is not None:
            return key_id is not None and _same(key_id, self.grant.key_id)
        if self.owner is None and owner is None:
            return key_id is None or self.has_credential
        return self.owns(owner)


def _same(one: str, other: str) -> bool:
    # A token may name half of a character.
    return hmac.compare_digest(
        one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass")
    )
