"""A caller's media path on loopback: ICE, DTLS and SRTP, with nothing between them and the socket
once they are up.

Private names, read in aiortc 1.16 and aioice 0.13: `Connection._nominated` (whose pair holds the
socket), `RTCDtlsTransport._set_role` (an offerer's role is the answer's choice), `_tx_srtp` and
`_rx_srtp` (the keyed SRTP sessions). `RTCDtlsTransport` needs of its transport only `role`, `_recv`
and `_send`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from aioice import Candidate, Connection
from aiortc import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport

from client.python.bench.errors import BenchError
from client.python.bench.offer import LocalMedia, RemoteMedia
from client.python.bench.rtp import is_rtcp

LOOPBACK = "127.0.0.1"
CONNECT_SECONDS = 20.0
_CLOSE_SECONDS = 2.0


class _LoopbackIce(Connection):
    """An ICE agent with one host candidate, on loopback."""

    def __init__(self, on_datagram: Callable[[bytes], None]) -> None:
        super().__init__(ice_controlling=True)
        self._on_datagram = on_datagram

    async def get_component_candidates(
        self, component: int, addresses: list[str], timeout: int = 5
    ) -> list[Candidate]:
        return await super().get_component_candidates(component, [LOOPBACK], timeout)

    def data_received(self, data: bytes, component: int) -> None:
        self._on_datagram(data)


class _DtlsCarrier:
    """What `RTCDtlsTransport` needs of the ICE transport below it."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_now = send
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, data: bytes | None) -> None:
        """A datagram; None: the path is closed."""
        self._inbox.put_nowait(data)

    async def _recv(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise ConnectionError("the path is closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._send_now(data)


class _Demultiplexer(asyncio.DatagramProtocol):
    """Stands before aioice at the socket: media goes straight to its receiver (RFC 7983)."""

    def __init__(
        self, stun: asyncio.DatagramProtocol, on_media: Callable[[bytes, float], None]
    ) -> None:
        self._stun = stun
        self._on_media = on_media

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data and data[0] & 0x80:
            self._on_media(data, time.monotonic())
        else:
            self._stun.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._stun.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stun.connection_lost(exc)


class MediaTransport:
    """One call's path. `on_rtp(packet, at)` takes every RTP packet in clear, and when it came."""

    def __init__(self, certificate: RTCCertificate, on_rtp: Callable[[bytes, float], None]) -> None:
        self._certificate = certificate
        self._on_rtp = on_rtp
        self._ice = _LoopbackIce(self._on_datagram)
        self._carrier = _DtlsCarrier(self._send_datagram)
        self._dtls = RTCDtlsTransport(cast(Any, self._carrier), [certificate])
        self._socket: asyncio.DatagramTransport | None = None
        self._remote: tuple[str, int] = ("", 0)
        self._unprotect: Callable[[bytes], bytes] | None = None
        self.rtcp_received = 0

    @property
    def is_up(self) -> bool:
        return self._dtls.state == "connected"

    async def gather(self, ssrc: int) -> LocalMedia:
        """Open the socket; what to offer."""
        await self._ice.gather_candidates()
        prints = {p.algorithm: p.value for p in self._certificate.getFingerprints()}
        return LocalMedia(
            self._ice.local_username,
            self._ice.local_password,
            self._ice.local_candidates[0],
            prints["sha-256"],
            ssrc,
        )

    async def connect(self, remote: RemoteMedia) -> None:
        """Until media can be sent. Raises `BenchError`."""
        self._ice.remote_username = remote.user_fragment
        self._ice.remote_password = remote.password
        for candidate in [*remote.candidates, None]:
            await self._ice.add_remote_candidate(candidate)
        self._dtls._set_role(remote.dtls_role)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._ice.connect()
                self._take_socket()
                await self._dtls.start(RTCDtlsParameters(remote.fingerprints))
        except TimeoutError:
            raise BenchError(f"no media path after {CONNECT_SECONDS:g} s") from None
        except ConnectionError as error:
            raise BenchError(f"no media path: {error}") from error
        if not self.is_up:
            raise BenchError(f"the DTLS handshake {self._dtls.state}")
        self._unprotect = self._dtls._rx_srtp.unprotect

    def _take_socket(self) -> None:
        pair = self._ice._nominated[1]
        self._remote = pair.remote_addr
        self._socket = pair.protocol.transport
        self._socket.set_protocol(_Demultiplexer(pair.protocol, self._on_media))

    def send_rtp(self, packet: bytes) -> None:
        """Send one packet (in clear) now; dropped when the path is closed."""
        self._send_datagram(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        self._send_datagram(self._dtls._tx_srtp.protect_rtcp(packet))

    def _send_datagram(self, data: bytes) -> None:
        if self._socket is not None and not self._socket.is_closing():
            self._socket.sendto(data, self._remote)

    def _on_datagram(self, data: bytes) -> None:
        """What came before the socket was ours, or is not media: DTLS."""
        if data and 20 <= data[0] <= 63:
            self._carrier.put(data)

    def _on_media(self, data: bytes, at: float) -> None:
        if is_rtcp(data):
            self.rtcp_received += 1
        elif self._unprotect is not None:
            self._on_rtp(self._unprotect(data), at)

    async def close(self, *, silently: bool = False) -> None:
        """Tell the peer (DTLS close_notify) unless `silently`, and close the socket."""
        if silently:
            self._socket = None
        await self._dtls.stop()
        self._carrier.put(None)
        async with asyncio.timeout(_CLOSE_SECONDS):
            await self._ice.close()
