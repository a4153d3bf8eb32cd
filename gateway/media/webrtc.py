"""The WebRTC leg: our own offer/answer, RTP and RTCP on aiortc's ICE, DTLS, SRTP and SCTP.

Up: datagram -> SRTP off -> receive window -> Opus -> :meth:`LegHandler.on_audio`, all in the call
that received the datagram. Down: playout -> pacer -> Opus -> SRTP -> datagram, all in the call of
one timer. No task, queue or thread lies between a packet and its samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import structlog
from aiortc import (
    RTCDataChannel,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from gateway.core.candidate import IceCandidate
from gateway.core.description import Fingerprint
from gateway.core.negotiation import (
    Agreement,
    DataAgreement,
    DtlsRole,
    LocalDescription,
    agree,
    answer,
    is_ice_restart,
)
from gateway.core.playout import Playout
from gateway.core.rtp import is_rtcp
from gateway.core.sdp import parse_sdp
from gateway.media.ice import IcePath, MediaAddresses
from gateway.media.leg import LegHandler, LegState, LegStats
from gateway.media.pacer import Pacer
from gateway.media.seams import (
    Certificate,
    DtlsCarrier,
    SrtpError,
    SrtpSession,
    dtls_over,
    srtp_sessions,
)
from gateway.media.stream import RtpStream

log = structlog.get_logger(__name__)

DTLS_TIMEOUT = 15.0
"""Seconds for the DTLS handshake after ICE connected."""

PEER_SILENCE = 6
"""Seconds without media, RTCP or a connectivity check after which the peer is gone.

A browser that is killed says nothing, and RFC 7675 would take it for alive for 30 s.
"""

MAX_MESSAGE_BYTES = 65_536

_SETUP: Mapping[DtlsRole, Literal["active", "passive"]] = {"client": "active", "server": "passive"}


@dataclass(frozen=True, slots=True)
class WebRtcConfig:
    """What all WebRTC legs of one gateway share.

    One certificate serves every call: making one takes 5 ms, and RFC 8827 §6.5 lets it be kept.
    """

    addresses: MediaAddresses
    ice_servers: Sequence[Mapping[str, Any]] = ()
    certificate: Certificate = field(default_factory=Certificate.generateCertificate)


class WebRtcLeg:
    """One peer connection, from its first offer to its end.

    :param handler: told of audio, state and data.
    :param playout: the audio owed to the caller; the session pushes, the leg takes frames.
    """

    def __init__(self, config: WebRtcConfig, handler: LegHandler, playout: Playout) -> None:
        self._config = config
        self._handler = handler
        self._path = IcePath(config.addresses, config.ice_servers, self._on_datagram)
        self._carrier = DtlsCarrier(self._path.send)
        self._pacer = Pacer(playout, self._send_audio, handler.on_played)
        self._state = LegState.NEW
        self._agreement: Agreement | None = None
        self._local = LocalDescription(
            session_id=secrets.randbits(62),
            version=0,
            ice_ufrag="",
            ice_pwd="",
            fingerprint=_fingerprint(config.certificate),
            candidates=(),
            ssrc=secrets.randbits(32),
            cname=secrets.token_hex(8),
            stream_id="talkpath",
            track_id="agent",
        )
        self._early: list[IceCandidate] = []
        self._rtp: RtpStream | None = None
        self._srtp_in: SrtpSession | None = None
        self._srtp_out: SrtpSession | None = None
        self._sctp: RTCSctpTransport | None = None
        self._channels: dict[str, RTCDataChannel] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._run: asyncio.Task[None] | None = None
        self._dtls = dtls_over(self._carrier, config.certificate, "server")

    # -- signaling

    @property
    def state(self) -> LegState:
        return self._state

    async def answer(self, offer_text: str) -> str:
        """The SDP answer to an offer; the first one starts the connection, later ones renegotiate
        it.

        :raises SdpError: the offer cannot be answered; an earlier agreement stays in force.
        """
        offer = parse_sdp(offer_text)
        agreement = agree(offer)
        previous = self._agreement
        if previous is None:
            await self._path.gather()
        elif is_ice_restart(previous, agreement):
            await self._path.restart()
        self._agreement = agreement
        self._describe(agreement)
        if previous is None:
            self._open(agreement)
        elif is_ice_restart(previous, agreement):
            self._reconnect(agreement)
        for candidate in (*agreement.candidates, *self._early):
            await self._path.add_remote_candidate(candidate)
        self._early.clear()
        if self._rtp is not None and agreement.audio is not None:
            self._rtp.agree(agreement.audio)
        return answer(offer, agreement, self._local)

    def accepts(self, offer_text: str) -> bool:
        """Whether an offer continues this connection: same DTLS identity, and the leg is alive.

        A page that was reloaded offers a new identity and needs a new leg (RFC 8842 §5.5).
        """
        if self._state in (LegState.FAILED, LegState.CLOSED):
            return False
        if self._agreement is None:
            return True
        return agree(parse_sdp(offer_text)).fingerprints == self._agreement.fingerprints

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A trickled candidate (RFC 8838); one that comes before its offer waits for it."""
        if candidate is None:
            return
        if self._agreement is None:
            if len(self._early) < 32:
                self._early.append(candidate)
            return
        await self._path.add_remote_candidate(candidate)

    def _describe(self, agreement: Agreement) -> None:
        """Bring our side of the answer up to date; the DTLS role stays what it was (RFC 8842
        §5.5).
        """
        ufrag, password = self._path.credentials
        role = agreement.dtls_role if self._local.setup is None else None
        self._local = replace(
            self._local,
            version=self._local.version + 1,
            ice_ufrag=ufrag,
            ice_pwd=password,
            candidates=self._path.local_candidates,
            setup=_SETUP[role] if role is not None else self._local.setup,
        )

    # -- connection

    def _open(self, agreement: Agreement) -> None:
        if agreement.dtls_role != "server":
            self._dtls = dtls_over(self._carrier, self._config.certificate, agreement.dtls_role)
        if agreement.data is not None:
            self._sctp = RTCSctpTransport(self._dtls)
            self._sctp.on("datachannel", self._on_channel)
        self._rtp = RtpStream(
            self._local.ssrc,
            self._local.cname,
            self._send_rtp,
            self._send_rtcp,
            self._handler.on_audio,
        )
        if agreement.audio is not None:
            self._rtp.agree(agreement.audio)
        self._run = asyncio.create_task(self._live(agreement), name="webrtc-leg")

    def _reconnect(self, agreement: Agreement) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self._connecting = asyncio.create_task(self._connect(agreement), name="ice-restart")

    async def _connect(self, agreement: Agreement) -> None:
        try:
            await self._path.connect(
                agreement.ice_ufrag, agreement.ice_pwd, remote_is_lite=agreement.ice_lite
            )
        except ConnectionError:
            log.info("ice restart failed; the old path stays")

    async def _live(self, agreement: Agreement) -> None:
        """The leg's root task: connect, stay, and say how it ended."""
        ended = LegState.FAILED
        try:
            self._set_state(LegState.CONNECTING)
            await self._path.connect(
                agreement.ice_ufrag, agreement.ice_pwd, remote_is_lite=agreement.ice_lite
            )
            await self._secure(agreement)
            self._set_state(LegState.CONNECTED)
            self._pacer.wake()
            ended = await self._until_gone()
        except ConnectionError as error:
            log.info("leg could not connect", reason=str(error))
        finally:
            self._pacer.close()
            if self._rtp is not None:
                self._rtp.close()
        self._set_state(ended)

    async def _secure(self, agreement: Agreement) -> None:
        fingerprints = [
            RTCDtlsFingerprint(algorithm=f.algorithm, value=f.value) for f in agreement.fingerprints
        ]
        try:
            async with asyncio.timeout(DTLS_TIMEOUT):
                await self._dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
        except TimeoutError:
            raise ConnectionError("the DTLS handshake timed out") from None
        if self._dtls.state != "connected":
            raise ConnectionError("the DTLS handshake failed")
        self._srtp_in, self._srtp_out = srtp_sessions(self._dtls)
        if self._sctp is not None and agreement.data is not None:
            await self._start_sctp(self._sctp, agreement.data)
        if self._rtp is not None:
            self._rtp.start()

    async def _start_sctp(self, sctp: RTCSctpTransport, data: DataAgreement) -> None:
        limit = min(data.max_message_size or MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
        await sctp.start(RTCSctpCapabilities(maxMessageSize=limit), data.sctp_port)

    async def _until_gone(self) -> LegState:
        """Wait for the end: a DTLS close is a hang-up, lost consent or media silence is a
        failure.
        """
        closed = asyncio.Event()
        self._dtls.on("statechange", closed.set)
        ways_out = {
            asyncio.create_task(closed.wait()): LegState.CLOSED,
            asyncio.create_task(self._path.wait_lost()): LegState.FAILED,
            asyncio.create_task(self._path.wait_silent(PEER_SILENCE)): LegState.FAILED,
        }
        try:
            if self._dtls.state != "connected":
                return LegState.CLOSED
            done, _ = await asyncio.wait(ways_out, return_when=asyncio.FIRST_COMPLETED)
            return ways_out[done.pop()]
        finally:
            for task in ways_out:
                task.cancel()
            await asyncio.gather(*ways_out, return_exceptions=True)

    def _set_state(self, state: LegState) -> None:
        if state is not self._state and self._state is not LegState.CLOSED:
            self._state = state
            self._handler.on_leg_state(self, state)

    async def close(self) -> None:
        self._pacer.close()
        for task in (self._connecting, self._run):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._rtp is not None:
            if self._state is LegState.CONNECTED:
                self._rtp.say_bye()
            self._rtp.close()
        if self._sctp is not None:
            await self._sctp.stop()
        await self._dtls.stop()
        self._carrier.close()
        await self._path.close()
        self._set_state(LegState.CLOSED)

    # -- media

    def _on_datagram(self, data: bytes) -> None:
        """Demultiplex what is not STUN (RFC 7983 §7)."""
        if 127 < data[0] < 192:
            self._on_media(data)
        elif 19 < data[0] < 64:
            self._carrier.deliver(data)

    def _on_media(self, data: bytes) -> None:
        if self._srtp_in is None or self._rtp is None:
            return
        try:
            if is_rtcp(data):
                self._rtp.receive_rtcp(self._srtp_in.unprotect_rtcp(data))
            else:
                self._rtp.receive(self._srtp_in.unprotect(data))
        except (SrtpError, ValueError):
            self._rtp.rejected += 1

    def _send_rtp(self, packet: bytes) -> None:
        if self._srtp_out is not None:
            self._path.send(self._srtp_out.protect(packet))

    def _send_rtcp(self, packet: bytes) -> None:
        if self._srtp_out is not None:
            self._path.send(self._srtp_out.protect_rtcp(packet))

    def _send_audio(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        if self._rtp is not None:
            self._rtp.send(pcm, skipped, talkspurt)

    def wake(self) -> None:
        if self._state is LegState.CONNECTED:
            self._pacer.wake()

    def stats(self) -> LegStats:
        return self._rtp.stats() if self._rtp is not None else LegStats()

    # -- data channels

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._channels[channel.label] = channel
        channel.on("message", lambda message: self._on_message(channel.label, message))
        channel.on("close", lambda: self._channels.pop(channel.label, None))

    def _on_message(self, label: str, message: str | bytes) -> None:
        if isinstance(message, str):
            self._handler.on_data(label, message)

    @property
    def data_open(self) -> bool:
        return any(channel.readyState == "open" for channel in self._channels.values())

    def send_data(self, message: str) -> None:
        for channel in self._channels.values():
            if channel.readyState == "open":
                channel.send(message)


def _fingerprint(certificate: Certificate) -> Fingerprint:
    for fingerprint in certificate.getFingerprints():
        if fingerprint.algorithm == "sha-256":
            return Fingerprint(fingerprint.algorithm, fingerprint.value)
    raise AssertionError("every certificate has a SHA-256 digest")
