"""The WebRTC leg: our own offer/answer, RTP and RTCP on aiortc's ICE, DTLS, SRTP and SCTP.

Up: datagram -> SRTP off -> receive window -> codec -> :meth:`LegHandler.on_audio`, all in the call
that received the datagram. Down: playout -> pacer -> codec -> SRTP -> datagram, all in the call of
one timer. No task, queue or thread lies between a packet and its samples.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.core.candidate import IceCandidate
from gateway.core.description import Fingerprint, SessionDescription
from gateway.core.negotiation import Agreement, LocalDescription, agree, is_ice_restart
from gateway.core.playout import Playout
from gateway.core.rtcp import RtcpError
from gateway.core.rtp import RtpError, is_rtcp
from gateway.core.sdp import SdpError, parse_sdp
from gateway.core.webrtc_descriptions import Descriptions
from gateway.media.addresses import MediaAddresses
from gateway.media.codecs import CODECS
from gateway.media.data_channels import DataChannels
from gateway.media.ice import IcePath
from gateway.media.leg import LegEvent, LegHandler, LegState
from gateway.media.liveness import until_gone
from gateway.media.rtp_leg_base import RtpLegBase
from gateway.media.seams import (
    Certificate,
    DtlsCarrier,
    DtlsTransport,
    SrtpError,
    SrtpSession,
    dtls_over,
    dtls_parameters,
    srtp_sessions,
)
from gateway.media.tasks import cancel_for_good

log = structlog.get_logger(__name__)

DTLS_TIMEOUT = 15.0
"""Seconds for the DTLS handshake after ICE connected."""

MAX_EARLY_CANDIDATES = 32
"""Kept for an offer that has not come yet; the oldest go first."""


@dataclass(frozen=True, slots=True)
class WebRtcConfig:
    """What all WebRTC legs of one gateway share: among it one certificate, as making one takes 5 ms
    and RFC 8827 §6.5 lets it be kept. Each asks for its ``ice_servers``: credentials expire."""

    addresses: MediaAddresses
    ice_servers: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    certificate: Certificate = field(default_factory=Certificate.generateCertificate)


class WebRtcLeg(RtpLegBase):
    """One peer connection, from its first offer or ours to its end.

    :param handler: told of audio, state and data.
    :param playout: the audio owed to the caller; the session pushes, the leg takes frames.
    """

    def __init__(self, config: WebRtcConfig, handler: LegHandler, playout: Playout) -> None:
        self._config = config
        self._path = IcePath(config.addresses, config.ice_servers(), self._on_datagram)
        self._carrier = DtlsCarrier(self._path.send)
        self._negotiating = asyncio.Lock()
        local = LocalDescription(
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
        self._descriptions = Descriptions(local)
        self._early: deque[IceCandidate] = deque(maxlen=MAX_EARLY_CANDIDATES)
        super().__init__(
            handler,
            playout,
            local.ssrc,
            local.cname,
            self._send_rtp,
            self._send_rtcp,
        )
        self._dtls: DtlsTransport | None = None
        self._dtls_closed = asyncio.Event()
        self._srtp_in: SrtpSession | None = None
        self._srtp_out: SrtpSession | None = None
        self._data: DataChannels | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._living: asyncio.Task[None] | None = None

    # -- signaling

    async def answer(self, offer_text: str) -> str:
        """The SDP answer to an offer; the first one starts the connection, later ones renegotiate
        it.

        :raises SdpError: the offer cannot be answered, or the leg has ended; an earlier agreement
            stays in force.
        """
        offer = parse_sdp(offer_text)
        agreement = _agree(offer)
        async with self._negotiating:
            await self._take_up(agreement)
            return self._descriptions.answer(offer)

    async def offer(self) -> str:
        """An SDP offer: the first one with all codecs; in a call, of what is in force.

        :raises SdpError: there is no address to receive media at, or the leg has ended.
        """
        async with self._negotiating:
            self._require_alive()
            if self._agreement is None:
                await self._gather()
            return self._descriptions.offer(tuple(CODECS))

    async def accept_answer(self, answer_text: str) -> None:
        """Take up the answer to :meth:`offer`; the first one starts the connection.

        :raises SdpError: it is no answer to that, or the leg has ended; an earlier agreement stays
            in force.
        """
        theirs = parse_sdp(answer_text)
        async with self._negotiating:
            await self._take_up(self._descriptions.settle(theirs, tuple(CODECS)))

    def accepts(self, offer_text: str) -> bool:
        """Whether an offer continues this connection: same DTLS identity, and the leg is alive.

        A page that was reloaded offers a new identity and needs a new leg (RFC 8842 §5.5).

        :raises SdpError: the offer cannot be answered by any leg.
        """
        if self._releasing is not None:
            return False
        agreement = _agree(parse_sdp(offer_text))
        return self._agreement is None or agreement.fingerprints == self._agreement.fingerprints

    async def add_candidate(self, candidate: IceCandidate | None) -> None:
        """A trickled candidate (RFC 8838); one that comes before its offer waits for it.

        None, the end of candidates, changes nothing: see :meth:`IcePath.connect`.
        """
        if candidate is None:
            return
        if self._agreement is not None and _belongs(candidate, self._agreement):
            await self._path.add_remote_candidate(candidate)
        else:
            self._early.append(candidate)

    async def _take_up(self, agreement: Agreement) -> None:
        """Put an agreement in force."""
        previous = self._agreement
        restart = previous is not None and is_ice_restart(previous, agreement)
        self._require_alive()
        if previous is None:
            await self._gather()
        elif restart:
            self._stop_checks()
            await self._path.restart()
        self._require_alive()
        self._descriptions.use_path(self._path.credentials, self._path.local_candidates)
        self._descriptions.put_in_force(agreement)
        self._use(agreement.audio)
        for candidate in (*agreement.candidates, *self._early):
            if _belongs(candidate, agreement):
                await self._path.add_remote_candidate(candidate)
        self._early.clear()
        if previous is None:
            self._dtls = dtls_over(self._carrier, self._config.certificate, agreement.dtls_role)
            self._dtls.on("statechange", self._on_dtls_state)
            self._living = asyncio.create_task(self._live(), name="webrtc-leg")
        if previous is None or restart:
            self._check_paths(agreement)
        await self._start_data()
        self._pacer.pause()  # Held, the agent waits; otherwise it goes on at once.
        self.wake()

    async def _gather(self) -> None:
        """Have candidates, before the first description."""
        await self._path.gather()
        self._require_alive()
        if not self._path.local_candidates:
            raise SdpError("the gateway has no address to receive media at")
        self._descriptions.use_path(self._path.credentials, self._path.local_candidates)

    def _require_alive(self) -> None:
        if self._releasing is not None:
            raise SdpError("the connection that this description is for has ended")

    @property
    def _agreement(self) -> Agreement | None:
        return self._descriptions.agreement

    # -- connection

    def _check_paths(self, agreement: Agreement) -> None:
        """Begin the connectivity checks of an ICE generation."""
        self._connecting = asyncio.create_task(self._connect(agreement), name="ice-checks")

    def _stop_checks(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()

    async def _connect(self, agreement: Agreement) -> None:
        try:
            await self._path.connect(
                agreement.ice_ufrag,
                agreement.ice_pwd,
                controlling=self._descriptions.offered_first,
                remote_is_lite=agreement.ice_lite,
            )
        except ConnectionError as error:
            log.info("no ICE path", reason=str(error), earlier_path=self._path.is_open)

    async def _live(self) -> None:
        """The leg's root task: connect, stay, and say how it ended."""
        ended = LegEvent.LOST
        try:
            self._feed(LegEvent.OFFERED)
            await self._first_path()
            await self._secure()
            self._feed(LegEvent.SECURED)
            ended = await until_gone(self._path, self._rtp, self._dtls_closed, self._feed)
        except ConnectionError as error:
            log.info("leg could not connect", reason=str(error))
        finally:
            self._end(ended)

    async def _first_path(self) -> None:
        """Wait for a path; an ICE restart in the meantime begins the wait anew."""
        while not self._path.is_open:
            checks = self._connecting
            assert checks is not None
            await asyncio.wait([checks])
            async with self._negotiating:  # An offer being answered may begin other checks.
                if checks is self._connecting and not self._path.is_open:
                    raise ConnectionError("no ICE candidate pair worked")

    async def _secure(self) -> None:
        assert self._dtls is not None
        assert self._agreement is not None
        try:
            async with asyncio.timeout(DTLS_TIMEOUT):
                await self._dtls.start(dtls_parameters(self._agreement.fingerprints))
        except TimeoutError:
            raise ConnectionError("the DTLS handshake timed out") from None
        if self._dtls.state != "connected":
            raise ConnectionError("the DTLS handshake failed")
        self._srtp_in, self._srtp_out = srtp_sessions(self._dtls)
        self._rtp.start()
        await self._start_data()

    async def _start_data(self) -> None:
        """Open the way for data channels, as soon as they are agreed on and DTLS is there."""
        assert self._agreement is not None
        data, dtls = self._agreement.data, self._dtls
        if data is None or dtls is None or dtls.state != "connected":
            return
        if self._data is None:
            self._data = DataChannels(dtls, self._on_text, self._on_open)
        await self._data.start(data)

    def _on_dtls_state(self) -> None:
        if self._dtls is not None and self._dtls.state == "closed":
            self._dtls_closed.set()

    async def _release(self) -> None:
        async with self._negotiating:
            pass  # An offer that is being answered finds out that it came too late.
        tasks = [task for task in (self._living, self._connecting) if task is not None]
        await cancel_for_good(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("leg failed", exc_info=error)
        try:
            if self._data is not None:
                await self._data.close()
            if self._dtls is not None:
                await self._dtls.stop()
        finally:
            self._carrier.close()
            await self._path.close()

    # -- media

    def _on_datagram(self, data: bytes) -> None:
        """Demultiplex what is not STUN (RFC 7983 §7)."""
        if 127 < data[0] < 192:
            self._on_media(data)
        elif 19 < data[0] < 64:
            self._carrier.deliver(data)

    def _on_media(self, data: bytes) -> None:
        if self._srtp_in is None:
            return
        try:
            if is_rtcp(data):
                self._rtp.receive_rtcp(self._srtp_in.unprotect_rtcp(data))
            else:
                self._rtp.receive(self._srtp_in.unprotect(data))
        except (SrtpError, RtpError, RtcpError):
            self._rtp.rejected += 1
            return
        if self._state is LegState.DISCONNECTED:
            self._feed(LegEvent.HEARD)  # Now, not at the watch's next turn: the answer goes on.

    def _send_rtp(self, packet: bytes) -> None:
        if self._srtp_out is not None:
            self._path.send(self._srtp_out.protect(packet))

    def _send_rtcp(self, packet: bytes) -> None:
        if self._srtp_out is not None:
            self._path.send(self._srtp_out.protect_rtcp(packet))

    def wake(self) -> None:
        """Audio is owed: start sending it, if the leg was silent."""
        if self._state is LegState.CONNECTED and self._rtp.sends and not self._keys.busy:
            self._pacer.wake()

    # -- data channels

    def _on_open(self, label: str) -> None:
        if self._releasing is None:
            self._handler.on_data_open(label)

    def _on_text(self, label: str, message: str) -> None:
        if self._releasing is None:
            self._handler.on_data(label, message)

    @property
    def data_open(self) -> bool:
        """Whether the caller opened a data channel."""
        return self._data is not None and self._data.is_open

    def send_data(self, message: str) -> None:
        """Send a text message on the caller's data channel, as far as it takes one."""
        if self._data is not None:
            self._data.send(message)


def _agree(offer: SessionDescription) -> Agreement:
    return agree(offer, tuple(CODECS), telephone_event=True)


def _belongs(candidate: IceCandidate, agreement: Agreement) -> bool:
    """Whether a candidate is of the ICE generation that was agreed on, as far as it says."""
    return candidate.ufrag is None or candidate.ufrag == agreement.ice_ufrag


def _fingerprint(certificate: Certificate) -> Fingerprint:
    digest = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return Fingerprint(digest.algorithm, digest.value)
