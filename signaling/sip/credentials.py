"""The client's side of digest authentication (RFC 3261 §22, RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from signaling.sip.auth_header import parse_digests, quote
from signaling.sip.message import Response

Header = tuple[str, str]
"""Name and value."""

MAX_NONCES: Final = 64
"""Those whose uses are counted; the oldest go first, and their servers give another."""

_HEADERS: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
_HASHES: Final = {"SHA-256": "sha256", "MD5": "md5"}
_SESSION: Final = "-SESS"
_PREFERENCE: Final = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")


class Credentials:
    """A name and its password at some server.

    :param make_cnonce: another random word for each answer.
    """

    def __init__(
        self,
        user: str,
        password: str,
        make_cnonce: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._user = user
        self._password = password
        self._make_cnonce = make_cnonce
        self._uses: OrderedDict[str, int] = OrderedDict()

    def __repr__(self) -> str:
        return f"Credentials({self._user!r})"

    def authorization(
        self, response: Response, method: str, uri: str, sent: Iterable[Header] = ()
    ) -> Header | None:
        """The header that lets a request pass which a 401 or 407 challenged.

        :param uri: the Request-URI.
        :param sent: headers of the request that was challenged; those of others matter not.
        :returns: None: the response is no challenge that can be answered, or the password was
            tried already, and refused (§22.2); it is not sent again unless it was the nonce that
            was too old.
        """
        names = _HEADERS.get(response.code)
        if names is None:
            return None
        asked_by, answered_by = names
        refused = {
            digest.get("realm")
            for name, value in sent
            if name.lower() == answered_by.lower()
            for digest in parse_digests(value)
        }
        challenges = [
            challenge
            for value in response.headers.getlist(asked_by)
            for challenge in parse_digests(value)
            if _can_be_answered(challenge)
            and (challenge["realm"] not in refused or challenge.get("stale", "").lower() == "true")
        ]
        if not challenges:
            return None
        best = min(challenges, key=lambda each: _PREFERENCE.index(_algorithm(each)))
        return answered_by, self._answer(best, method, uri)

    def _answer(self, challenge: Mapping[str, str], method: str, uri: str) -> str:
        algorithm, nonce, realm = _algorithm(challenge), challenge["nonce"], challenge["realm"]
        cnonce = self._make_cnonce()

        def digest(*parts: str) -> str:
            return _digest(algorithm, ":".join(parts))

        secret = digest(self._user, realm, self._password)
        if algorithm.endswith(_SESSION):
            secret = digest(secret, nonce, cnonce)
        asked = digest(method, uri)
        given = [
            f"username={quote(self._user)}",
            f"realm={quote(realm)}",
            f"nonce={quote(nonce)}",
            f"uri={quote(uri)}",
        ]
        if "algorithm" in challenge:
            given.append(f"algorithm={challenge['algorithm']}")
        if "qop" in challenge:
            count = f"{self._count(nonce):08x}"
            result = digest(secret, nonce, count, cnonce, "auth", asked)
            given += [f"qop=auth, nc={count}, cnonce={quote(cnonce)}"]
        else:
            result = digest(secret, nonce, asked)  # RFC 2069
            if algorithm.endswith(_SESSION):
                given.append(f"cnonce={quote(cnonce)}")
        given.append(f"response={quote(result)}")
        if "opaque" in challenge:
            given.append(f"opaque={quote(challenge['opaque'])}")
        return f"Digest {', '.join(given)}"

    def _count(self, nonce: str) -> int:
        """How often a nonce was used, with this time."""
        count = self._uses.pop(nonce, 0) + 1
        self._uses[nonce] = count
        if len(self._uses) > MAX_NONCES:
            self._uses.popitem(last=False)
        return count


def _can_be_answered(challenge: Mapping[str, str]) -> bool:
    if "realm" not in challenge or not challenge.get("nonce"):
        return False
    qops = [qop.strip().lower() for qop in challenge.get("qop", "auth").split(",")]
    return "auth" in qops and _algorithm(challenge) in _PREFERENCE


def _algorithm(challenge: Mapping[str, str]) -> str:
    return challenge.get("algorithm", "MD5").upper()


def _digest(algorithm: str, text: str) -> str:
    name = _HASHES[algorithm.removesuffix(_SESSION)]
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()
