"""A session that is refreshed from time to time, or ends (RFC 4028).

Theory of operation. A 2xx to an INVITE or UPDATE agrees on an interval and on who refreshes, or on
no timer. The refresher sends its UPDATE, or an INVITE to who takes none, at half the interval; if
no refresh succeeds, either end leaves shortly before the interval is over (§10).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sipmessage import Headers

from signaling.sip.message import Malformed, Response, options
from signaling.sip.timers import Timers

MIN_INTERVAL: Final = 90
"""Seconds; RFC 4028 §5 allows no less."""

MAX_INTERVAL: Final = 86_400
"""Seconds that a peer may have us raise our interval to."""

INTERVAL: Final = 1_800
"""Seconds that we ask for in a call of ours (RFC 4028 §4)."""

RETRY_AS_CALLER: Final = (2.1, 4.0)
RETRY_AS_CALLEE: Final = (0.0, 2.0)
"""Seconds, from and to, until a refresh that met another request goes again (RFC 3261 §14.1)."""

_SECONDS: Final = re.compile(r"\s*(\d{1,9})\s*(?:;.*)?", re.ASCII)
_REFRESHER: Final = re.compile(r";\s*refresher\s*=\s*(uac|uas)\s*(?:;|$)", re.IGNORECASE)

Extra = tuple[tuple[str, str], ...]


class IntervalTooSmall(Exception):
    """To be answered with 422 and our Min-SE."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed.

    :ivar seconds: the session's interval.
    :ivar ours: whether it is us who refresh.
    :ivar required: whether the peer, which sent the request, is told that it has to.
    """

    seconds: int
    ours: bool
    required: bool = False

    def in_response(self) -> Extra:
        """Headers of our 2xx."""
        refresher = "uas" if self.ours else "uac"
        required: Extra = (("Require", "timer"),) if self.required else ()
        return (("Session-Expires", f"{self.seconds};refresher={refresher}"), *required)

    def in_request(self) -> Extra:
        """Headers of our refresh."""
        return (("Supported", "timer"), ("Session-Expires", f"{self.seconds};refresher=uac"))


def terms_of_request(asked: Headers) -> Terms | None:
    """The answer to an INVITE or UPDATE (RFC 4028 §9): the peer refreshes, if it is able to and
    does not ask us.

    :raises IntervalTooSmall: less than :data:`MIN_INTERVAL`.
    :raises Malformed: the interval cannot be read.
    """
    value = asked.get("Session-Expires")
    if value is None:
        return None
    seconds = _seconds(value)
    if seconds is None:
        raise Malformed("Session-Expires cannot be read", 400, asked)
    if seconds < MIN_INTERVAL:
        raise IntervalTooSmall
    able = "timer" in options(asked, "Supported") + options(asked, "Require")
    if able and _refresher(value) != "uas":
        return Terms(seconds, ours=False, required=True)
    return Terms(seconds, ours=True)


def terms_of_answer(answered: Headers) -> Terms | None:
    """The terms in a 2xx to an INVITE or UPDATE of ours (RFC 4028 §7.2)."""
    value = answered.get("Session-Expires")
    seconds = _seconds(value) if value is not None else None
    if value is None or seconds is None:
        return None
    return Terms(max(seconds, MIN_INTERVAL), ours=_refresher(value) != "uas")


def raised_interval(refused: Headers, interval: int) -> int | None:
    """What a 422 wants ``interval`` to be (RFC 4028 §7.3); None: nothing that we could do."""
    least = _seconds(refused.get("Min-SE") or "") or 0
    return least if interval < least <= MAX_INTERVAL else None


def _seconds(value: str) -> int | None:
    found = _SECONDS.fullmatch(value)
    return int(found[1]) if found else None


def _refresher(value: str) -> str:
    found = _REFRESHER.search(value)
    return found[1].lower() if found else ""


class SessionTimer:
    """The timer of one call.

    :param refresh: asked to send a refresh by the given terms.
    :param expired: no refresh came in time, or ours was of no use.
    :param is_caller: whether the call is ours.
    """

    def __init__(
        self,
        timers: Timers,
        refresh: Callable[[Terms, float], None],
        expired: Callable[[float], None],
        *,
        is_caller: bool,
    ) -> None:
        self._timers = timers
        self._refresh = refresh
        self._expired = expired
        self._pauses = RETRY_AS_CALLER if is_caller else RETRY_AS_CALLEE
        self._terms: Terms | None = None

    def agree(self, terms: Terms | None, now: float) -> None:
        """A refresh succeeded, also the first; the old terms are void."""
        self.stop()
        self._terms = terms
        if terms is not None:
            left = terms.seconds - min(32.0, terms.seconds / 3)
            self._timers.set((self, "end"), now + left, self._expired)
            if terms.ours:
                self._ask_at(now + terms.seconds / 2)

    def _ask_at(self, at: float) -> None:
        self._timers.set((self, "refresh"), at, self._ask)

    def _ask(self, now: float) -> None:
        if self._terms is not None:
            self._refresh(self._terms, now)

    def hear(self, response: Response | None, now: float) -> None:
        """The final response to our refresh; None: it got none."""
        terms = self._terms
        if terms is None or not terms.ours:
            return  # Other terms were agreed meanwhile.
        if response is None or response.code in (408, 481):
            self._expired(now)
        elif response.code < 300:
            self.agree(terms_of_answer(response.headers), now)
        elif response.code == 491:
            self.retry(now)
        elif response.code == 422:
            least = raised_interval(response.headers, terms.seconds)
            if least is not None:
                self._terms = Terms(least, ours=True)
                self._ask(now)
        # What else was refused may be refreshed by the peer yet, until the interval is over.

    def retry(self, now: float) -> None:
        """Our refresh met another request: soon again."""
        self._ask_at(now + random.uniform(*self._pauses))

    def stop(self) -> None:
        self._terms = None
        self._timers.cancel((self, "end"))
        self._timers.cancel((self, "refresh"))
