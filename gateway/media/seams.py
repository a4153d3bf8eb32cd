"""Every name of aiortc and aioice that their documentation does not promise, in one place.

aiortc's public face is a whole ``RTCPeerConnection`` with its own jitter buffer, resampler and a
thread per codec. Talkpath keeps what is hard to write (ICE, DTLS, SRTP, SCTP) and owns the rest,
which takes a few names that are private. They were read in aiortc 1.16 and aioice 0.13;
:func:`check_seams` looks at each of them when the gateway starts, so that an upgrade which moves
one fails there and not in a call.

``Connection.get_component_candidates``, ``Connection._protocols``, ``StunProtocol(receiver)``,
``StunProtocol.local_candidate``, ``server_reflexive_candidate``, ``candidate_foundation``,
``candidate_priority``
    gather on chosen addresses and ports, where aioice skips loopback, and take media off the
    sockets before it is tried as STUN (:mod:`gateway.media.gathering`)
``TurnClientUdpProtocol``, ``TurnClientTcpProtocol`` and their ``connect``, ``delete``,
``send_data``, ``receiver``, ``relayed_address``, ``mapped_address``
    a TURN client on a chosen port, with bounds (:mod:`gateway.media.relay`)
``Connection.data_received``
    take media where it arrives, before it is queued for a task
``Connection.check_incoming``
    know that the peer still checks its consent; bound what it may teach
``Connection.build_request``, ``StunProtocol.request``
    check the pair in use once more than aioice does, which takes 30 s to miss a peer
``Connection._nominated``, ``CandidatePair.protocol``, ``CandidatePair.remote_addr``
    the pair in use now; send without a coroutine, through TURN too
``RTCDtlsTransport(transport)``
    needs only ``role``, ``_recv`` and ``_send`` of its transport
``RTCDtlsTransport._set_role``
    answer passive
``RTCDtlsTransport._rx_srtp``, ``RTCDtlsTransport._tx_srtp``
    the SRTP sessions that the handshake keyed
``RTCCertificate._create_ssl_context``
    shake hands with RSA peers too, and one TLS context for all calls
``RTCSctpTransport._receive_data_chunk``, ``RTCSctpTransport._advertised_rwnd``
    hold a sender to the window it was given
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, cast

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, StunProtocol, server_reflexive_candidate
from aioice.stun import Message, TransactionError
from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCSctpCapabilities,
    RTCSctpTransport,
)
from aiortc import RTCDataChannel as DataChannel
from aiortc import RTCDtlsTransport as DtlsTransport
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session as SrtpSession

from gateway.core.description import Fingerprint
from gateway.media.gathering import GatheringConnection
from gateway.media.ports import UdpPorts

__all__ = [
    "MAX_REMOTE_CANDIDATES",
    "Candidate",
    "Certificate",
    "DataChannel",
    "DtlsCarrier",
    "DtlsTransport",
    "IceConnection",
    "SctpAssociation",
    "SeamError",
    "SrtpError",
    "SrtpSession",
    "check_seams",
    "dtls_over",
    "dtls_parameters",
    "sctp_capabilities",
    "srtp_sessions",
]

MAX_REMOTE_CANDIDATES = 64
"""Of one ICE generation, told or learnt from the peer's checks; each is paired and checked."""

_MAX_EARLY_DATAGRAMS = 64

_RETRANSMISSIONS = 1
"""Of a check that asks for a sign of life, after half a second; an answer may take 1.5 s."""

_MAX_UNSENT_BYTES = 65_536
"""In the process, when the socket takes no more: audio that waits longer is of no use."""

_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)
"""Forward secrecy only (RFC 8827 §6.5)."""


class SeamError(RuntimeError):
    """A private name that Talkpath relies on is not where it was in the pinned versions."""


def check_seams() -> None:
    """Raise :class:`SeamError` if a private name used by this file has moved."""
    carrier = DtlsCarrier(lambda data: False)
    dtls = DtlsTransport(cast(Any, carrier), [Certificate.generateCertificate()])
    expected = {
        "Connection.get_component_candidates(component, addresses, timeout)": _takes(
            Connection.get_component_candidates, "component", "addresses", "timeout"
        ),
        "StunProtocol(receiver)": _takes(StunProtocol.__init__, "receiver"),
        "server_reflexive_candidate(protocol, stun_server)": _named(
            server_reflexive_candidate, "protocol", "stun_server"
        ),
        "candidate_foundation(candidate_type, candidate_transport, base_address)": _named(
            candidate_foundation, "candidate_type", "candidate_transport", "base_address"
        ),
        "candidate_priority(candidate_component, candidate_type, local_pref)": _named(
            candidate_priority, "candidate_component", "candidate_type", "local_pref"
        ),
        **_turn_client(TurnClientUdpProtocol),
        **_turn_client(TurnClientTcpProtocol),
        "Connection.data_received(data, component)": _takes(
            Connection.data_received, "data", "component"
        ),
        "Connection.check_incoming(message, addr, protocol)": _takes(
            Connection.check_incoming, "message", "addr", "protocol"
        ),
        "Connection.build_request(pair, nominate)": _takes(
            Connection.build_request, "pair", "nominate"
        ),
        "StunProtocol.request(request, addr, integrity_key, retransmissions)": _takes(
            StunProtocol.request, "request", "addr", "integrity_key", "retransmissions"
        ),
        "Connection._nominated": isinstance(
            getattr(Connection(ice_controlling=False), "_nominated", None), dict
        ),
        "Connection._protocols": isinstance(
            getattr(Connection(ice_controlling=False), "_protocols", None), list
        ),
        "CandidatePair(protocol, remote_candidate)": _takes(
            CandidatePair.__init__, "protocol", "remote_candidate"
        ),
        "CandidatePair.remote_addr": hasattr(CandidatePair, "remote_addr"),
        "RTCDtlsTransport._set_role(role)": _takes(DtlsTransport._set_role, "role"),
        "RTCDtlsTransport._rx_srtp": hasattr(dtls, "_rx_srtp"),
        "RTCDtlsTransport._tx_srtp": hasattr(dtls, "_tx_srtp"),
        "RTCCertificate._create_ssl_context(srtp_profiles)": _takes(
            RTCCertificate._create_ssl_context, "srtp_profiles"
        ),
        "RTCSctpTransport._receive_data_chunk(chunk)": _takes(
            RTCSctpTransport._receive_data_chunk, "chunk"
        ),
        "RTCSctpTransport._advertised_rwnd": hasattr(RTCSctpTransport(dtls), "_advertised_rwnd"),
    }
    moved = [name for name, present in expected.items() if not present]
    if moved:
        raise SeamError(f"aiortc/aioice changed: {', '.join(moved)}; see gateway/media/seams.py")


def _takes(method: Callable[..., Any], *arguments: str) -> bool:
    return _named(method, "self", *arguments)


def _named(function: Callable[..., Any], *arguments: str) -> bool:
    return list(inspect.signature(function).parameters) == list(arguments)


def _turn_client(kind: type[Any]) -> dict[str, bool]:
    arguments = ("server", "username", "password", "lifetime", "channel_refresh_time")
    client = kind(**dict.fromkeys(inspect.signature(kind).parameters))
    names = ("connect", "delete", "send_data", "receiver", "relayed_address", "mapped_address")
    return {
        f"{kind.__name__}({', '.join(arguments)})": _takes(kind.__init__, *arguments),
        **{f"{kind.__name__}.{name}": hasattr(client, name) for name in names},
    }


class IceConnection(GatheringConnection):
    """An ICE agent bound to given addresses, handing every datagram that is not STUN to one
    callback.

    :param addresses: local IP addresses to bind; one host candidate each.
    :param on_datagram: called on the event loop with DTLS, SRTP and SRTCP datagrams as they arrive.
    :param ports: that may be bound; any, unless given.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        on_datagram: Callable[[bytes], None],
        ports: UdpPorts | None = None,
        **options: Any,
    ) -> None:
        super().__init__(addresses, on_datagram, ports or UdpPorts(), **options)
        self._gathering: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self.heard = 0
        """Signs of life from the peer: its checks, once they count, and its answers to
        :meth:`ask`.
        """
        self.closed = False
        """By its owner, or because the peer no longer consents (RFC 7675)."""

    async def gather(self) -> None:
        """Gather local candidates; called again, the same ones; once closed, none.

        Goes on when the caller is cancelled: sockets opened half-way would be lost to
        :meth:`close`, which waits for it instead.
        """
        if self._gathering is None and not self.closed:
            self._gathering = asyncio.create_task(self.gather_candidates(), name="ice-gathering")
        if self._gathering is not None:
            await asyncio.shield(self._gathering)

    async def connect(self) -> None:
        await super().connect()
        if self.closed:
            # In the very turn in which the checks succeeded; the consent checks began after that.
            await super().close()
            raise ConnectionError("the ICE agent was closed")

    def check_incoming(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        self.heard += 1
        remote = self.remote_candidates
        if len(remote) < MAX_REMOTE_CANDIDATES or any((c.host, c.port) == addr for c in remote):
            super().check_incoming(message, addr, protocol)

    def ask(self) -> None:
        """Check the nominated pair, unless that is being done; an answer is a sign of life."""
        pair = self._nominated.get(1)
        if pair is None or self.closed or (self._asking is not None and not self._asking.done()):
            return
        self._asking = asyncio.create_task(self._check_pair(pair), name="ice-liveness")

    async def _check_pair(self, pair: CandidatePair) -> None:
        assert self.remote_password is not None
        with contextlib.suppress(TransactionError):
            await pair.protocol.request(
                self.build_request(pair, nominate=False),
                pair.remote_addr,
                integrity_key=self.remote_password.encode(),
                retransmissions=_RETRANSMISSIONS,
            )
            self.heard += 1

    def send_now(self, data: bytes) -> bool:
        """Send one datagram over the nominated pair; False when there is none (yet, or any more),
        or its socket takes no more.

        The pair is read anew each time: ICE may move to another one in the middle of a call.
        """
        pair = self._nominated.get(1)
        if pair is None:
            return False
        # asyncio's own, or a Relay: both tell what is unsent, which their type does not promise.
        transport: Any = pair.protocol.transport
        if transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            return False
        transport.sendto(data, pair.remote_addr)
        return True

    @property
    def route(self) -> tuple[str, str] | None:
        """Types of the candidates in use, local and remote (``host``, ``srflx``, ``prflx``,
        ``relay``).
        """
        pair = self._nominated.get(1)
        return (pair.local_candidate.type, pair.remote_candidate.type) if pair else None

    async def close(self) -> None:
        self.closed = True
        if self._gathering is not None:
            await asyncio.wait([self._gathering])
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
        await super().close()


class Certificate(RTCCertificate):
    """A certificate (ECDSA, P-256) whose transports also shake hands with RSA peers, as phones are.

    aiortc offers ECDSA suites only and makes a context for every call; one serves them all.
    """

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_cipher_list(_CIPHERS)
        return self._context


class DtlsCarrier:
    """What ``RTCDtlsTransport`` needs of an ICE transport, independent of which ICE agent is
    current.

    An ICE restart (RFC 8445 §9) replaces the agent below; the DTLS association above stays as it
    is.
    """

    role = "controlled"

    def __init__(self, send: Callable[[bytes], bool]) -> None:
        self._send_now = send
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=_MAX_EARLY_DATAGRAMS)
        self._closed = False

    def deliver(self, data: bytes) -> None:
        """Hand over a received DTLS datagram; dropped when full, as a network would (DTLS
        resends).
        """
        if not self._inbox.full():
            self._inbox.put_nowait(data)

    def close(self) -> None:
        """End a pending receive, and every later one, which closes the DTLS transport above."""
        self._closed = True
        if self._inbox.full():
            self._inbox.get_nowait()
        self._inbox.put_nowait(None)

    async def _recv(self) -> bytes:
        data = None if self._closed else await self._inbox.get()
        if data is None:
            raise ConnectionError("the transport is closed")
        return data

    async def _send(self, data: bytes) -> None:
        """Without a path the datagram is lost like any other: DTLS and SCTP send it again.

        An error would end the association, or a timer's task that nobody awaits.
        """
        self._send_now(data)


def dtls_over(carrier: DtlsCarrier, certificate: RTCCertificate, role: str) -> DtlsTransport:
    """A DTLS transport over ``carrier`` in ``role`` (``client`` or ``server``, RFC 8842 §5)."""
    dtls = DtlsTransport(cast(Any, carrier), [certificate])
    dtls._set_role(role)
    return dtls


def dtls_parameters(fingerprints: Sequence[Fingerprint]) -> RTCDtlsParameters:
    """What a peer's certificate must match (RFC 8122)."""
    return RTCDtlsParameters([RTCDtlsFingerprint(f.algorithm, f.value) for f in fingerprints])


def srtp_sessions(dtls: DtlsTransport) -> tuple[SrtpSession, SrtpSession]:
    """The inbound and the outbound SRTP session of a connected DTLS transport (RFC 5764)."""
    return dtls._rx_srtp, dtls._tx_srtp


def sctp_capabilities(max_message_size: int) -> RTCSctpCapabilities:
    """What a peer accepts in one message, in bytes; 0 for any size (RFC 8841 §6)."""
    return RTCSctpCapabilities(maxMessageSize=max_message_size)


class SctpAssociation(RTCSctpTransport):
    """An SCTP association that buffers no more than the receive window it advertised.

    aiortc puts messages together for as long as their fragments come. A chunk beyond the window
    is dropped unacknowledged (RFC 9260 §6.2), as if it had been lost.
    """

    async def _receive_data_chunk(self, chunk: Any) -> None:
        if self._advertised_rwnd > 0:
            await super()._receive_data_chunk(chunk)
