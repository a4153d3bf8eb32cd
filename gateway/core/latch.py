"""Where a phone really is: symmetric RTP, latched (RFC 4961, RFC 7362 §4).

Theory of operation. A phone behind a NAT names an address in SDP at which nobody hears it; the
source of its packets is where it hears us. But a source is easily forged, and an address in SDP is
whatever the offerer likes. So only what comes from the one source latched to is heard, and media is
sent to it and to nobody else. Before there is one, the address in SDP gets media only if something
else vouches for it: signaling that comes from there, a peer that is trusted, RTCP of its own.

Without encryption a source is judged by its packets, which must be RTP of an agreed payload type:

=================  ===============================================================
nothing latched    the first source is taken
window open        a better source takes the place of one less likely: the address
                   in SDP, then its host or that of the signaling, then any, and
                   last the source from before SDP named another address
latched            another source takes over when the one before has been silent
                   for :data:`TAKE_OVER_SILENCE`, with :data:`TAKE_OVER_PACKETS`
                   packets that go on with the SSRC and the sequence numbers (a NAT
                   gave the phone another port); while the window is open, the same
                   host will do
=================  ===============================================================

With encryption only what was authenticated is looked at, and it is the peer's wherever it comes
from. The window opens with each description.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from gateway.core.rtp import RtpPacket, sequence_delta

WINDOW: Final = 3.0
"""Seconds from a description."""

TAKE_OVER_SILENCE: Final = 0.5
TAKE_OVER_PACKETS: Final = 3
MAX_STEP: Final = 500
"""Sequence numbers that a take-over may lie ahead of what was heard last: ten seconds of 20 ms."""

Source = tuple[str, int]
"""IP address and port."""


class _Rank(IntEnum):
    FORMER = 0
    ANY = 1
    HOST = 2
    DESCRIBED = 3


class Latch:
    """The path to one peer's RTP. Sans-IO; ``now`` is monotonic seconds.

    :param peer: the host that its signaling comes from, if that is known.
    :param trusted: the peer may name any address.
    """

    def __init__(self, peer: str | None = None, *, trusted: bool = False) -> None:
        self._peer = peer
        self._trusted = trusted
        self._described: Source | None = None
        self._vouched = False
        self._former: Source | None = None
        self._window_ends = 0.0
        self._heard_at = 0.0
        self._ssrc = 0
        self._sequence = 0
        self._rival: tuple[Source, int, int] | None = None
        """Who may take over: source, its last sequence number, packets in a row."""
        self._source: Source | None = None

    @property
    def source(self) -> Source | None:
        """Where the peer was heard, since it last named another address."""
        return None if self._source == self._former else self._source

    @property
    def described(self) -> Source | None:
        """Where it says it is."""
        return self._described

    @property
    def target(self) -> Source | None:
        """Where media may be sent; None: nowhere yet."""
        if self.source is not None:
            return self.source
        return self._described if self._vouched and self._described else self._source

    def describe(self, destination: Source | None, now: float) -> None:
        """A description says where the peer listens; None: it does not say."""
        self._window_ends = now + WINDOW
        if destination is None or destination == self._described:
            return
        if self._described is not None and self._source != destination:
            self._former = self._source
        self._described = destination
        self._vouched = self._trusted or destination[0] == self._peer
        self._rival = None

    def vouch(self) -> None:
        """The described address spoke for itself, by RTCP from its host."""
        self._vouched = True

    def hear(
        self, packet: RtpPacket, source: Source, now: float, *, authenticated: bool = False
    ) -> bool:
        """Whether a valid packet is the peer's; it may move the latch.

        :param authenticated: it was encrypted with the peer's key.
        """
        if source != self._source and not (
            authenticated
            or self._source is None
            or self._outranks(source, now)
            or self._takes_over(packet, source, now)
        ):
            return False
        self._source = source
        self._rival = None
        self._heard_at = now
        self._ssrc, self._sequence = packet.ssrc, packet.sequence
        return True

    def _rank(self, source: Source) -> _Rank:
        if source == self._former:
            return _Rank.FORMER
        if source == self._described:
            return _Rank.DESCRIBED
        hosts = (self._peer, self._described and self._described[0])
        return _Rank.HOST if source[0] in hosts else _Rank.ANY

    def _outranks(self, source: Source, now: float) -> bool:
        assert self._source is not None
        return now < self._window_ends and self._rank(source) > self._rank(self._source)

    def _takes_over(self, packet: RtpPacket, source: Source, now: float) -> bool:
        if now - self._heard_at < TAKE_OVER_SILENCE:
            return False
        assert self._source is not None
        same_host = now < self._window_ends and source[0] == self._source[0]
        goes_on = (
            packet.ssrc == self._ssrc
            and 0 < sequence_delta(packet.sequence, self._sequence) < MAX_STEP
        )
        if not (goes_on or same_host):
            return False
        count = 1
        if self._rival is not None:
            rival, sequence, before = self._rival
            if rival == source and sequence_delta(packet.sequence, sequence) > 0:
                count = before + 1
        self._rival = (source, packet.sequence, count)
        return count >= TAKE_OVER_PACKETS
