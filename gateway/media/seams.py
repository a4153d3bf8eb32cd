"""Every name of aiortc and aioice that their documentation does not promise, in one place.

aiortc's public face is a whole ``RTCPeerConnection`` with its own jitter buffer, resampler and a
thread per codec. Talkpath keeps what is hard to write (ICE, DTLS, SRTP, SCTP) and owns the rest,
which takes a few names that are private. They were read in aiortc 1.16 and aioice 0.13;
:func:`check_seams` looks at each of them when the gateway starts, so that an upgrade which moves
one fails there and not in a call.

==============================================
=========================================================== seam
       why
==============================================
=========================================================== ``Connection.get_component_candidates``
       bind to chosen addresses (aioice skips loopback) ``Connection.data_received``
          take media before it is queued for a task
``Connection.request_received``                 know that the peer still checks its consent
``Connection._nominated``                       the pair in use now; send without a coroutine,
through TURN too ``CandidatePair.protocol``/``.remote_addr``     same
``RTCDtlsTransport._rx_srtp``/``._tx_srtp``     the keys' SRTP sessions
``RTCDtlsTransport._set_role``                  answer passive
``RTCCertificate._create_ssl_context``          RSA peers too, and one TLS context for all calls
``RTCDtlsTransport(transport)``                 needs only ``role``, ``_recv`` and ``_send`` of its
transport
==============================================
===========================================================
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import aioice
from aioice import Candidate, Connection, ConnectionClosed
from aioice.ice import CandidatePair, StunProtocol, get_host_addresses
from aioice.stun import Message
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceServer, RTCSctpTransport
from aiortc.rtcicetransport import connection_kwargs
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session as SrtpSession

__all__ = [
    "Candidate",
    "Certificate",
    "DtlsCarrier",
    "IceConnection",
    "SeamError",
    "SrtpError",
    "SrtpSession",
    "check_seams",
    "dtls_over",
    "host_addresses",
    "ice_options",
    "srtp_sessions",
]

_MAX_EARLY_DATAGRAMS = 64

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
    connection = Connection(ice_controlling=False)
    gather = inspect.signature(Connection.get_component_candidates)
    certificate = Certificate.generateCertificate()
    dtls = RTCDtlsTransport(cast(Any, DtlsCarrier(lambda data: None)), [certificate])
    pair = inspect.signature(CandidatePair.__init__)
    expected = {
        "Connection.get_component_candidates(component, addresses)": {"component", "addresses"}
        <= set(gather.parameters),
        "Connection.data_received(data, component)": list(
            inspect.signature(Connection.data_received).parameters
        )
        == ["self", "data", "component"],
        "Connection.request_received(message, addr, protocol)": list(
            inspect.signature(Connection.request_received).parameters
        )
        == ["self", "message", "addr", "protocol"],
        "Connection._nominated": isinstance(getattr(connection, "_nominated", None), dict),
        "CandidatePair.protocol": "protocol" in pair.parameters,
        "CandidatePair.remote_addr": hasattr(CandidatePair, "remote_addr"),
        "RTCDtlsTransport._rx_srtp": hasattr(dtls, "_rx_srtp"),
        "RTCDtlsTransport._tx_srtp": hasattr(dtls, "_tx_srtp"),
        "RTCDtlsTransport._set_role": callable(getattr(dtls, "_set_role", None)),
        "RTCCertificate._create_ssl_context(srtp_profiles)": list(
            inspect.signature(RTCCertificate._create_ssl_context).parameters
        )
        == ["self", "srtp_profiles"],
        "RTCSctpTransport.start": callable(getattr(RTCSctpTransport, "start", None)),
    }
    moved = [name for name, present in expected.items() if not present]
    if moved:
        raise SeamError(f"aiortc/aioice changed: {', '.join(moved)}; see gateway/media/seams.py")


def host_addresses() -> list[str]:
    """The machine's own unicast addresses, loopback left out (as ICE gathers them, RFC 8445
    §5.1.1.1).
    """
    return get_host_addresses(use_ipv4=True, use_ipv6=True)


def ice_options(servers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """STUN and TURN servers (W3C ``RTCIceServer`` dictionaries) as arguments of an ICE agent.

    :raises ValueError: a URL is not of the form ``stun:…``, ``turn:…`` or ``turns:…``.
    """
    return connection_kwargs([RTCIceServer(**server) for server in servers])


class IceConnection(Connection):
    """An ICE agent bound to given addresses, handing every datagram that is not STUN to one
    callback.

    :param addresses: local IP addresses to bind; one host candidate each.
    :param on_datagram: called on the event loop with DTLS, SRTP and SRTCP datagrams as they arrive.
    """

    def __init__(
        self, addresses: Sequence[str], on_datagram: Callable[[bytes], None], **options: Any
    ) -> None:
        super().__init__(ice_controlling=False, **options)
        self._bind_addresses = list(addresses)
        self._on_datagram = on_datagram
        self.datagrams = 0
        """Datagrams from the peer: media, DTLS and its connectivity checks."""

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[Candidate]:
        return await super().get_component_candidates(component, self._bind_addresses, timeout)

    def data_received(self, data: bytes, component: int) -> None:
        if data:
            self.datagrams += 1
            self._on_datagram(data)

    def request_received(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        self.datagrams += 1
        super().request_received(message, addr, protocol)

    def send_now(self, data: bytes) -> bool:
        """Send one datagram over the nominated pair; False when there is none (yet, or any more).

        The pair is read anew each time: ICE may move to another one in the middle of a call.
        """
        pair = self._nominated.get(1)
        if pair is None:
            return False
        pair.protocol.transport.sendto(data, pair.remote_addr)
        return True

    @property
    def route(self) -> tuple[str, str] | None:
        """Types of the candidates in use, local and remote (``host``, ``srflx``, ``prflx``,
        ``relay``).
        """
        pair = self._nominated.get(1)
        return (pair.local_candidate.type, pair.remote_candidate.type) if pair else None

    async def wait_closed(self) -> None:
        """Return when the agent is closed or the peer's consent has expired (RFC 7675)."""
        event: aioice.ice.ConnectionEvent | None = None
        while not isinstance(event, ConnectionClosed):
            event = await self.get_event()
            if event is None:
                return


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

    def __init__(self, send: Callable[[bytes], bool | None]) -> None:
        self._send_now = send
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=_MAX_EARLY_DATAGRAMS)

    def deliver(self, data: bytes) -> None:
        """Hand over a received DTLS datagram; dropped when full, as a network would (DTLS
        resends).
        """
        if not self._inbox.full():
            self._inbox.put_nowait(data)

    def close(self) -> None:
        """End a pending receive, which closes the DTLS transport above."""
        if self._inbox.full():
            self._inbox.get_nowait()
        self._inbox.put_nowait(None)

    async def _recv(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise ConnectionError("the transport is closed")
        return data

    async def _send(self, data: bytes) -> None:
        if not self._send_now(data):
            raise ConnectionError("no candidate pair is nominated")


def dtls_over(carrier: DtlsCarrier, certificate: RTCCertificate, role: str) -> RTCDtlsTransport:
    """A DTLS transport over ``carrier`` in ``role`` (``client`` or ``server``, RFC 8842 §5)."""
    dtls = RTCDtlsTransport(cast(Any, carrier), [certificate])
    dtls._set_role(role)
    return dtls


def srtp_sessions(dtls: RTCDtlsTransport) -> tuple[SrtpSession, SrtpSession]:
    """The inbound and the outbound SRTP session of a connected DTLS transport (RFC 5764)."""
    return dtls._rx_srtp, dtls._tx_srtp
