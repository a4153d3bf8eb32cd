"""The way between a phone's packets and a leg: two sockets, a latch, and keys if there are any.

What comes up from here is the phone's, and what goes down goes to the phone: whom else one could
mistake for it is :mod:`gateway.core.latch`'s matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.core.latch import Latch, Source
from gateway.core.plain_agreement import Destination, PlainAgreement
from gateway.core.plain_negotiation import PlainLocal
from gateway.core.rtcp import RtcpError
from gateway.core.rtp import RtpError, RtpPacket, is_rtcp
from gateway.media.addresses import MediaAddresses
from gateway.media.rtp_sockets import RtpSockets, can_reach, local_address
from gateway.media.sdes_srtp import SrtpError, SrtpIn, SrtpOut


class RtpPath:
    """RTP and RTCP of one phone, in clear above and as agreed below.

    :param on_packet: takes the phone's RTP packets; ``on_rtcp`` its RTCP datagrams, and raises
        :class:`RtcpError` for one that is malformed.
    :param on_rejected: called for each datagram that is not the phone's or no use.
    :param peer, trusted: see :class:`~gateway.core.latch.Latch`.
    """

    def __init__(
        self,
        addresses: MediaAddresses,
        on_packet: Callable[[RtpPacket], None],
        on_rtcp: Callable[[bytes], None],
        on_rejected: Callable[[], None],
        *,
        peer: str | None,
        trusted: bool,
    ) -> None:
        self._addresses = addresses
        self._on_packet = on_packet
        self._on_rtcp = on_rtcp
        self._on_rejected = on_rejected
        self._peer = peer
        self._latch = Latch(peer, trusted=trusted)
        self._loop = asyncio.get_running_loop()
        self._sockets: RtpSockets | None = None
        self._agreement: PlainAgreement | None = None
        self._payload_types: frozenset[int] = frozenset()
        self._in: SrtpIn | None = None
        self._out: SrtpOut | None = None
        self._rtcp_source: Source | None = None
        self._probing = False
        self._closed = False

    # -- where it leads

    @property
    def is_open(self) -> bool:
        return self._sockets is not None

    @property
    def address(self) -> str:
        """What the phone is told; with :attr:`port`."""
        assert self._sockets is not None
        return self._sockets.announced

    @property
    def port(self) -> int:
        assert self._sockets is not None
        return self._sockets.port

    @property
    def target(self) -> Source | None:
        """Where media goes now; None: nowhere."""
        return self._latch.target

    async def open(self, destination: Destination | None) -> None:
        """Bind, at the address that leads to the phone's signaling, or to where it wants media.

        :raises PortsExhausted: no pair of ports is free.
        """
        peer = self._peer or (destination.address if destination else None)
        address = local_address(self._addresses, peer)
        self._sockets = RtpSockets(self._addresses, address, self._receive, self._receive_rtcp)
        await self._sockets.open()

    def changes_key(self, agreement: PlainAgreement) -> bool:
        """Whether the phone encrypted until now, with another key."""
        key = agreement.key
        return key is not None and self._in is not None and not self._in.key.is_same(key)

    def take_up(self, agreement: PlainAgreement, local: PlainLocal) -> None:
        """Go by an agreement from now on."""
        self._agreement = agreement
        audio = agreement.audio
        received = audio.payload_type if audio.receive_type is None else audio.receive_type
        types = (received, audio.red, *audio.event_types)
        self._payload_types = frozenset(t for t in types if t is not None)
        self._take_up_keys(agreement, local)
        self._latch.describe(self._usable(agreement.rtp), self._loop.time())

    def _take_up_keys(self, agreement: PlainAgreement, local: PlainLocal) -> None:
        """Contexts whose keys stay go on, as they count how often the sequences wrapped."""
        theirs = agreement.key
        if theirs is None:
            self._in = self._out = None
            return
        if self._in is None or not self._in.key.is_same(theirs):
            self._in = SrtpIn(theirs)
        ours = local.key_for(theirs)
        if self._out is None or not self._out.key.is_same(ours):
            self._out = SrtpOut(ours)

    def _usable(self, destination: Destination | None) -> Destination | None:
        """A destination that can be reached from here, and is not this very path."""
        sockets = self._sockets
        if destination is None or sockets is None:
            return None
        own = destination.address in (sockets.address, sockets.announced)
        if own and destination.port in (sockets.port, sockets.port + 1):
            return None
        return destination if can_reach(sockets.address, destination.address) else None

    # -- up

    def _receive(self, data: bytes, source: Source) -> None:
        if is_rtcp(data):
            self._receive_rtcp(data, source)
            return
        if self._agreement is None or self._closed:
            return
        keys = self._in
        try:
            packet = RtpPacket.parse(data if keys is None else keys.unprotect(data))
        except (SrtpError, RtpError):
            self._on_rejected()
            return
        if packet.payload_type in self._payload_types:
            now, latch = self._loop.time(), self._latch
            is_theirs = latch.hear(packet, source, now, authenticated=keys is not None)
        else:
            is_theirs = source == self._latch.source  # Comfort noise and the like.
        if is_theirs:
            self._on_packet(packet)
        else:
            self._on_rejected()

    def _receive_rtcp(self, data: bytes, source: Source) -> None:
        """From the host where the phone is heard, or says it is, or with its key."""
        if self._agreement is None or self._closed:
            return
        keys, latch = self._in, self._latch
        hosts = [end[0] for end in (latch.source, latch.described) if end is not None]
        try:
            if keys is not None:
                data = keys.unprotect_rtcp(data)
            elif source[0] not in hosts:
                raise RtcpError("not the phone's")
            self._on_rtcp(data)
        except (SrtpError, RtcpError):
            self._on_rejected()
            return
        self._rtcp_source = source
        if latch.described is not None and source[0] == latch.described[0]:
            latch.vouch()

    # -- down

    @contextmanager
    def probing(self) -> Iterator[None]:
        """What is sent meanwhile goes where the phone says it is, though nothing vouches for it."""
        self._probing = True
        try:
            yield
        finally:
            self._probing = False

    def send_rtp(self, packet: bytes) -> None:
        """Send a packet; lost where there is nobody to send it to."""
        target = self._latch.described if self._probing else self._latch.target
        if target is not None and self._sockets is not None:
            self._sockets.send(packet if self._out is None else self._out.protect(packet), target)

    def send_rtcp(self, packet: bytes) -> None:
        """Send a compound; lost where there is nobody to send it to."""
        target = self._rtcp_target()
        if target is None or self._sockets is None or self._agreement is None:
            return
        data = packet if self._out is None else self._out.protect_rtcp(packet)
        if self._agreement.rtcp_mux:
            self._sockets.send(data, target)
        else:
            self._sockets.send_rtcp(data, target)

    def _rtcp_target(self) -> Source | None:
        """Where RTCP came from, as long as the phone is there, or where the phone wants it."""
        target, agreement = self._latch.target, self._agreement
        if target is None or agreement is None or agreement.rtcp_mux:
            return target
        if self._rtcp_source is not None and self._rtcp_source[0] == target[0]:
            return self._rtcp_source
        # Behind a NAT nobody knows the port of RTCP before it was heard.
        return self._usable(agreement.rtcp) if target == self._latch.described else None

    async def close(self) -> None:
        """Release the sockets; their ports rest. May be called twice."""
        self._closed = True
        if self._sockets is not None:
            await self._sockets.close()
