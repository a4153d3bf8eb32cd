"""One audio stream both ways: RTP packets <-> PCM, with its RTCP. Shared by every leg that speaks
RTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from gateway.core.jitter import Action, Conceal, Play, ReceiveWindow, Recover
from gateway.core.negotiation import AudioAgreement
from gateway.core.rtcp import RtcpSession
from gateway.core.rtp import RtpPacket, opus_duration
from gateway.media.leg import LegStats
from gateway.media.opus import OpusDecoder, OpusEncoder, OpusError

log = structlog.get_logger(__name__)

RTP_CLOCK = 48_000
"""Hz; Opus counts RTP time at 48 kHz whatever it is coded at (RFC 7587 §4.1)."""

_CLOCK_RATIO = 2
"""RTP clock ticks to a sample of ours, at 24 kHz."""

FRAME_TICKS = RTP_CLOCK // 50


class RtpStream:
    """The caller's audio stream and ours.

    :param send_rtp, send_rtcp: take a packet in clear.
    :param on_audio: takes the caller's PCM16 (24 kHz mono) in order and without holes.
    """

    def __init__(
        self,
        ssrc: int,
        cname: str,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        on_audio: Callable[[bytes], None],
    ) -> None:
        self._ssrc = ssrc
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._on_audio = on_audio
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._rtcp = RtcpSession(
            ssrc, cname, RTP_CLOCK, wall_clock_offset=time.time() - now, now=now
        )
        self._window = ReceiveWindow(opus_duration, clock_rate=RTP_CLOCK)
        self._decoder = OpusDecoder()
        self._encoder = OpusEncoder()
        self._payload_type = -1
        self._receives = self._sends = False
        self._sequence = ssrc & 0x7FFF
        self._timestamp = (ssrc * 2_654_435_761) & 0xFFFFFFFF
        self._window_timer: asyncio.TimerHandle | None = None
        self._rtcp_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.received = self.sent = self.rejected = 0

    def agree(self, audio: AudioAgreement) -> None:
        """Use what an offer and its answer agreed on."""
        self._payload_type = audio.payload_type
        self._receives, self._sends = audio.receive, audio.send

    def start(self) -> None:
        """The path is open: begin RTCP."""
        self._arm_rtcp()

    # -- up

    def receive(self, data: bytes) -> None:
        """Take one RTP packet.

        :raises RtpError: it is none.
        """
        packet = RtpPacket.parse(data)
        if packet.payload_type != self._payload_type or not self._receives or self._closed:
            self.rejected += 1
            return
        now = self._loop.time()
        self.received += 1
        self._rtcp.on_rtp_received(packet, now)
        self._window.push(packet, now)
        self._drain(now)

    def _drain(self, now: float) -> None:
        while (action := self._window.pop(now)) is not None:
            self._on_audio(self._samples(action))
        self._arm_window()

    def _samples(self, action: Action) -> bytes:
        """The PCM of one step of the window; what cannot be decoded is concealed, so that no time
        is lost.
        """
        try:
            match action:
                case Play(payload=payload):
                    return self._decoder.decode(payload)
                case Recover(payload=payload, samples=ticks):
                    return self._decoder.recover(payload, ticks // _CLOCK_RATIO)
                case Conceal(samples=ticks):
                    return self._decoder.conceal(ticks // _CLOCK_RATIO)
        except OpusError:
            self.rejected += 1
        return bytes(2 * (action.samples // _CLOCK_RATIO))

    def _arm_window(self) -> None:
        """Keep one timer at or before the window's deadline.

        The deadline moves with every packet; the timer follows only when it fires, as cancelling
        one fifty times a second costs more than waking up in vain ten times.
        """
        deadline = self._window.deadline
        timer = self._window_timer
        if deadline is None or self._closed:
            return
        if timer is not None:
            if timer.when() <= deadline:
                return
            timer.cancel()
        self._window_timer = self._loop.call_at(deadline, self._on_window_timer)

    def _on_window_timer(self) -> None:
        self._window_timer = None
        self._drain(self._loop.time())

    # -- down

    def send(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        """Send one 20 ms frame, ``skipped`` samples of unsent silence after the one before."""
        self._timestamp = (self._timestamp + _CLOCK_RATIO * skipped) & 0xFFFFFFFF
        if self._sends:
            payload = self._encoder.encode(pcm)
            packet = RtpPacket(
                payload_type=self._payload_type,
                marker=talkspurt,
                sequence=self._sequence,
                timestamp=self._timestamp,
                ssrc=self._ssrc,
                payload=payload,
            )
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._send_rtp(packet.serialize())
            self.sent += 1
            self._rtcp.on_rtp_sent(self._timestamp, len(payload), self._loop.time())
        self._timestamp = (self._timestamp + FRAME_TICKS) & 0xFFFFFFFF

    # -- RTCP

    def receive_rtcp(self, data: bytes) -> None:
        """Take one compound RTCP packet.

        :raises RtcpError: it is none.
        """
        self._rtcp.on_datagram(data, self._loop.time())

    def _arm_rtcp(self) -> None:
        if not self._closed:
            self._rtcp_timer = self._loop.call_at(self._rtcp.deadline, self._on_rtcp_timer)

    def _on_rtcp_timer(self) -> None:
        report = self._rtcp.next_report(self._loop.time())
        if report is not None:
            self._send_rtcp(report)
        self._arm_rtcp()

    def say_bye(self) -> None:
        self._send_rtcp(self._rtcp.bye())

    def stats(self) -> LegStats:
        quality = self._rtcp.quality(self._loop.time())
        window = self._window.stats
        total = self.received + window.concealed
        return LegStats(
            rtt_ms=quality.rtt_ms,
            jitter_ms=quality.jitter_ms,
            loss_percent=quality.loss_percent,
            remote_loss_percent=quality.remote_loss_percent,
            concealed_percent=round(100 * window.concealed / total, 2) if total else 0.0,
            packets_received=self.received,
            packets_sent=self.sent,
        )

    def close(self) -> None:
        self._closed = True
        for timer in (self._window_timer, self._rtcp_timer):
            if timer is not None:
                timer.cancel()
        self._window_timer = self._rtcp_timer = None
        self._decoder.close()
        self._encoder.close()
