"""Digest authentication of callers (RFC 3261 §22, RFC 2617).

MD5 alone is offered: of two challenges some phones read only the last, and others fail on SHA-256.
A nonce says itself when it was made, and that we made it, so nothing is kept for a stranger.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum
from typing import Final

from signaling.sip.auth_header import parse_digests

REALM: Final = "talkpath"

NONCE_LIFETIME: Final = 60.0
"""Seconds."""

MAX_USED: Final = 4_096
"""Credentials remembered, so that nobody uses them again; the oldest go first."""

_NONCE: Final = re.compile(r"[0-9a-f]{16}[0-9a-f]{32}")


class Verdict(Enum):
    """What a request's credentials are worth."""

    GOOD = "good"
    STALE = "stale"
    """The password is right, the nonce too old, or used up."""
    WRONG = "wrong"


class Digest:
    """The accounts of ``SIP_USERS``.

    :param users: passwords by user name.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._secret = secrets.token_bytes(32)
        # The password of names that are not there: their check takes as long as another, and fails.
        self._nobody = secrets.token_hex(16)
        self._used: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def challenge(self, now: float, *, stale: bool = False) -> str:
        """The value of ``WWW-Authenticate``."""
        nonce = self._nonce(int(now * 1000))
        mark = ", stale=true" if stale else ""
        return f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"{mark}'

    def _nonce(self, made: int) -> str:
        stamp = f"{made:016x}"
        return stamp + hmac.new(self._secret, stamp.encode(), hashlib.sha256).hexdigest()[:32]

    def judge(self, method: str, credentials: str | None, now: float) -> Verdict:
        """Check the value of ``Authorization``; None: there is none."""
        given = _parameters(credentials or "")
        nonce = given.get("nonce", "")
        if not _NONCE.fullmatch(nonce) or given.get("realm") != REALM:
            return Verdict.WRONG
        made = int(nonce[:16], 16)
        ours = hmac.compare_digest(self._nonce(made), nonce)
        expected = self._expected(method, given)
        right = hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode())
        if not (ours and right):
            return Verdict.WRONG
        use = (nonce, given.get("nc", ""), given.get("cnonce", ""))
        if not 0 <= now - made / 1000 <= NONCE_LIFETIME or use in self._used:
            return Verdict.STALE
        self._used[use] = None
        if len(self._used) > MAX_USED:
            self._used.popitem(last=False)
        return Verdict.GOOD

    def _expected(self, method: str, given: Mapping[str, str]) -> str:
        user, nonce = given.get("username", ""), given["nonce"]
        secret = _md5(f"{user}:{REALM}:{self._users.get(user, self._nobody)}")
        asked = _md5(f"{method}:{given.get('uri', '')}")
        if given.get("qop") == "auth":
            count, cnonce = given.get("nc", ""), given.get("cnonce", "")
            return _md5(f"{secret}:{nonce}:{count}:{cnonce}:auth:{asked}")
        return _md5(f"{secret}:{nonce}:{asked}")  # RFC 2069: phones that know no qop.


def username(credentials: str) -> str:
    """Whose ``Authorization`` it is; empty if it names nobody."""
    return _parameters(credentials).get("username", "")


def _parameters(credentials: str) -> dict[str, str]:
    found = parse_digests(credentials)
    return found[0] if found else {}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
