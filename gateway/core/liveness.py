"""Whether a peer is still there: its silence, counted in turns, and what follows from it.

Theory of operation. A peer that is well may have nothing to say: it is muted, on hold, or its codec
sends nothing in pauses. So silence alone does not decide: soon we ask, with connectivity checks of
our own, and only a peer that answers none of several is out of reach. That may pass: a browser
whose network changed needs some seconds until it offers an ICE restart. So a peer is SILENT long
before it is GONE.

Silence is counted in turns of the event loop, not on the clock: while this process stands still the
peer's datagrams wait in the socket, and it must not be taken for gone.

A BYE (RFC 3550 §6.6) is no end by itself, for browsers say it when a track stops and the call goes
on. Followed by silence it means that the peer has most likely left, and less of it will do.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum

LISTENING_TURN = 0.5
"""Seconds between two looks."""

ASK_AFTER = 2
"""Turns of silence until the peer is asked, and again in each turn from there."""

SILENT_AFTER = 10
"""Turns: 5 s, hence noticed between 5 and 5.5 s after the last sign of life. By then it was asked
for four seconds, and one check lost on the way decides nothing.
"""

SILENT_AFTER_BYE = 4

GONE_AFTER = 40
"""Turns: 20 s. Chromium says ``disconnected`` 5 to 8 s after its path died and ``failed`` 10 s
after that, and some pages wait so long before they offer an ICE restart.
"""


class Presence(Enum):
    HEARD = "heard"
    SILENT = "silent"
    GONE = "gone"


class PeerWatch:
    """Counts the silence of one peer.

    :param silent_after: turns until it is SILENT.
    """

    def __init__(self, silent_after: int = SILENT_AFTER) -> None:
        self._silent_after = silent_after
        self._signs: Hashable = None
        self._silent = 0

    @property
    def should_ask(self) -> bool:
        """Whether the peer has been silent for so long that it should be asked."""
        return self._silent >= ASK_AFTER

    def turn(
        self, signs: Hashable, *, consents: bool = True, said_bye: bool = False, restarting: bool
    ) -> Presence:
        """Look once more.

        :param signs: differs from that of the turn before if the peer was heard meanwhile.
        :param consents: False once nothing may be sent to it any more (RFC 7675 §5.1).
        :param restarting: an ICE restart is under way; until it is decided no peer is GONE, and
            after it the peer has the rest of its time anew.
        """
        self._silent = self._silent + 1 if signs == self._signs else 0
        self._signs = signs
        if not consents:
            self._silent = max(self._silent, self._silent_after)
        if restarting:
            self._silent = min(self._silent, self._silent_after)
        if self._silent >= GONE_AFTER:
            return Presence.GONE
        if self._silent >= (SILENT_AFTER_BYE if said_bye else self._silent_after):
            return Presence.SILENT
        return Presence.HEARD
