"""One audio stream both ways: RTP packets <-> PCM, with its RTCP. Shared by every leg that speaks
RTP.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable

from gateway.core.encoding import EncoderPolicy, ListenerWishes
from gateway.core.jitter import Action, Conceal, Play, ReceiveWindow, Recover, Silence
from gateway.core.media_time import SAMPLE_RATE
from gateway.core.negotiation import AudioAgreement
from gateway.core.red import unpack
from gateway.core.rtcp import RtcpSession
from gateway.core.rtp import RtpPacket
from gateway.core.telephone_event import TelephoneEvents
from gateway.media.codec import AudioCodec, CodecError
from gateway.media.codecs import CODECS, OPUS
from gateway.media.leg import LegStats
from gateway.media.ticker import Tick, Ticker

SILENCE_GRID = 0.020
"""Seconds between the moments at which silence is filled in for a sender that sends nothing."""


class RtpStream:
    """The caller's audio stream and ours.

    :param ssrc: ours, 32 bits, announced in SDP; ``cname`` goes with it.
    :param send_rtp, send_rtcp: take a packet in clear.
    :param on_audio: takes the caller's PCM16 (24 kHz mono) in order and without holes.
    :param on_key: takes a key that the caller pressed, of ``0-9*#A-D``.
    """

    def __init__(
        self,
        ssrc: int,
        cname: str,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        on_audio: Callable[[bytes], None],
        on_key: Callable[[str], None],
    ) -> None:
        self._ssrc = ssrc
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._on_audio = on_audio
        self._on_key = on_key
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._rtcp = RtcpSession(
            ssrc, cname, OPUS.clock_rate, wall_clock_offset=time.time() - now, now=now
        )
        self._policy = EncoderPolicy()
        self._codec = OPUS
        self._window = _window_for(OPUS)
        self._decoder, self._encoder = OPUS.decoder(), OPUS.encoder()
        self._payload_type = self._receive_type = -1
        self._red: int | None = None
        self._event_type: int | None = None
        self._heard_events: frozenset[int] = frozenset()
        self._event_clock_rate = OPUS.clock_rate
        self._events = TelephoneEvents()
        self._receives = False
        self.sends = False
        """Whether the caller takes audio now: not while it holds the call."""
        # Random (RFC 3550 §5.1); the sequence in its lower half, so that SRTP sees no early wrap
        # that the loss of the first packets would hide (RFC 3711 §3.3.1).
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(32)
        self._position = 0
        """Samples sent and skipped since the codec was agreed on, when the RTP time was
        ``_timestamp``.
        """
        self._sent_at = now
        self._ticker = Ticker.running()
        self._window_timer: Tick | None = None
        self._rtcp_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.received = self.sent = 0
        self._watch: Callable[[ReceiveWindow, AudioCodec], None] | None = None
        self.heard = 0
        """Packets of the peer's that could be read, RTP and RTCP, whatever they were good for."""
        self.rejected = 0
        """Packets that were no use: malformed, of another payload type, or not to be decoded."""

    def agree(self, audio: AudioAgreement | None) -> None:
        """Use what an offer and its answer agreed on; None: there is no audio now."""
        self._receives = audio is not None and audio.receive
        self.sends = audio is not None and audio.send
        if audio is not None:
            self._payload_type = audio.payload_type
            own = audio.receive_type
            self._receive_type = audio.payload_type if own is None else own
            self._red = audio.red
            self._event_type = audio.telephone_event
            self._heard_events = audio.event_types
            self._event_clock_rate = audio.event_clock_rate
            self._use(CODECS[audio.codec.name.lower()])
            self._policy.wishes = ListenerWishes.read(audio.codec.parameters)
            self._encode_as_wanted()
        if not self._receives:
            self._window.reset()

    @property
    def codec(self) -> str | None:
        """The name of what was agreed on last; None: nothing yet."""
        return self._codec.name if self._payload_type >= 0 else None

    def _use(self, codec: AudioCodec) -> None:
        """Speak ``codec`` from now on, on the same time line as before."""
        if codec is self._codec or self._closed:
            return
        self._decoder.close()
        self._encoder.close()
        self._timestamp, self._position = self._rtp_time(), 0
        self._codec = codec
        self._window = _window_for(codec)
        if self._watch is not None:
            self._watch(self._window, codec)
        self._decoder, self._encoder = codec.decoder(), codec.encoder()
        self._rtcp.use_clock(codec.clock_rate)

    def _rtp_time(self) -> int:
        """The RTP timestamp of the next frame."""
        ticks = self._position * self._codec.clock_rate // SAMPLE_RATE
        return (self._timestamp + ticks) & 0xFFFFFFFF

    def watch_windows(self, watch: Callable[[ReceiveWindow, AudioCodec], None]) -> None:
        """Tell of the window that orders the caller's packets, and of each that takes its place."""
        self._watch = watch
        watch(self._window, self._codec)

    def start(self) -> None:
        """The path is open: begin RTCP."""
        self._arm_rtcp()

    # -- up

    def receive(self, data: bytes) -> None:
        """Take one RTP packet.

        :raises RtpError: it is none.
        """
        self.take(RtpPacket.parse(data))

    def take(self, packet: RtpPacket) -> None:
        """Take one RTP packet that was read already."""
        self.heard += 1
        if not self._receives or self._closed:
            self.rejected += 1
            return
        copies: list[RtpPacket] = []
        if packet.payload_type == self._red:
            packet, copies = unpack(packet, self._receive_type)
        if packet.payload_type != self._receive_type:
            if packet.payload_type in self._heard_events:
                self._take_event(packet)
            else:
                self.rejected += 1
            if packet.ssrc != self._rtcp.reception.ssrc:
                return
            # No audio, but of the same sequence, where it must not look lost.
            packet = packet._replace(payload=b"")
        else:
            self.received += 1
        now = self._loop.time()
        self._rtcp.on_rtp_received(packet, now)
        self._window.push(packet, now)
        for copy in copies:
            self._window.push_copy(copy, now)
        self._drain(now)

    def _take_event(self, packet: RtpPacket) -> None:
        key = self._events.take(packet)
        if key is not None:
            self._on_key(key)

    def _drain(self, now: float) -> None:
        while not self._closed and (action := self._window.pop(now)) is not None:
            self._on_audio(self._samples(action))
        self._arm_window()

    def _samples(self, action: Action) -> bytes:
        """The PCM of one step of the window; what cannot be decoded is concealed, so that no time
        is lost.
        """
        samples = action.samples * SAMPLE_RATE // self._codec.clock_rate
        if isinstance(action, Silence):
            return bytes(2 * samples)
        try:
            match action:
                case Play(payload=payload):
                    return self._decoder.decode(payload)
                case Recover(payload=payload):
                    return self._decoder.recover(payload, samples)
                case Conceal():
                    return self._decoder.conceal(samples)
        except CodecError:
            self.rejected += 1
            return self._decoder.conceal(samples)

    def _arm_window(self) -> None:
        """Keep one timer at or before the window's deadline.

        The deadline moves with every packet; the timer follows only when it fires, as cancelling
        one fifty times a second costs more than waking up in vain ten times. A hole is waited for
        to the millisecond; silence may come a little late, together with that of other calls.
        """
        deadline = self._window.deadline
        timer = self._window_timer
        if deadline is None or self._closed:
            return
        if timer is not None:
            if timer.when <= deadline:
                return
            timer.cancel()
        if not self._window.held:
            deadline = math.ceil(deadline / SILENCE_GRID) * SILENCE_GRID
        self._window_timer = self._ticker.call_at(deadline, self._on_window_timer)

    def _on_window_timer(self) -> None:
        self._window_timer = None
        self._drain(self._loop.time())

    # -- down

    def send(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        """Send one frame, ``skipped`` samples of unsent silence after the one before."""
        samples = len(pcm) // 2
        self._position += skipped
        if self.sends and not self._closed:
            payload = self._encoder.encode(pcm)
            timestamp = self._rtp_time()
            self._send_packet(self._payload_type, talkspurt, timestamp, payload)
            self._rtcp.on_rtp_sent(timestamp, len(payload), self._loop.time())
        self._position += samples
        self._sent_at = self._loop.time() + samples / SAMPLE_RATE

    @property
    def event_clock_rate(self) -> int | None:
        """Hz in which the duration of an event counts; None: the peer takes none now."""
        takes = self.sends and not self._closed and self._event_type is not None
        return self._event_clock_rate if takes else None

    def event_time(self) -> int:
        """The RTP timestamp of an event that begins now (RFC 4733 §2.1)."""
        passed = max(0.0, self._loop.time() - self._sent_at)
        if self.sent == 0:  # Nobody told the stream of this time, as the first frame skips none.
            self._position += round(passed * SAMPLE_RATE)
            self._sent_at += passed
            passed = 0.0
        return (self._rtp_time() + round(passed * self._codec.clock_rate)) & 0xFFFFFFFF

    def send_event(self, payload: bytes, timestamp: int, begins: bool) -> None:
        """Send one packet of an event; dropped when the peer takes none."""
        if self.event_clock_rate is not None and self._event_type is not None:
            self._send_packet(self._event_type, begins, timestamp, payload)

    def _send_packet(self, payload_type: int, marker: bool, timestamp: int, payload: bytes) -> None:
        packet = RtpPacket(
            payload_type=payload_type,
            marker=marker,
            sequence=self._sequence,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._send_rtp(packet.serialize())
        self.sent += 1

    # -- RTCP

    def receive_rtcp(self, data: bytes) -> None:
        """Take one compound RTCP packet.

        :raises RtcpError: it is none.
        """
        now = self._loop.time()
        for report in self._rtcp.on_datagram(data, now):
            self._policy.on_report(report.loss, report.packets, now)
            self._encode_as_wanted()
        self.heard += 1

    def _encode_as_wanted(self) -> None:
        if not self._closed and self._encoder.settings != self._policy.settings:
            self._encoder.settings = self._policy.settings

    def _arm_rtcp(self) -> None:
        if not self._closed:
            self._rtcp_timer = self._loop.call_at(self._rtcp.deadline, self._on_rtcp_timer)

    def _on_rtcp_timer(self) -> None:
        report = self._rtcp.next_report(self._loop.time())
        if report is not None:
            self._send_rtcp(report)
        self._arm_rtcp()

    @property
    def peer_left(self) -> bool:
        """Whether the caller's source said BYE, and nothing after it."""
        return self._rtcp.peer_left

    def say_bye(self) -> None:
        """Tell the peer that our stream ends (RFC 3550 §6.3.7)."""
        self._send_rtcp(self._rtcp.bye())

    def stats(self) -> LegStats:
        quality = self._rtcp.quality(self._loop.time())
        window = self._window.stats
        return LegStats(
            rtt_ms=quality.rtt_ms,
            jitter_ms=quality.jitter_ms,
            loss_percent=quality.loss_percent,
            remote_loss_percent=quality.remote_loss_percent,
            concealed_percent=window.concealed_percent,
            packets_received=self.received,
            packets_mended=window.mended,
            packets_late=window.late,
            packets_sent=self.sent,
            sending_fec=self._encoder.settings.fec,
            packets_lost=window.lost,
            packets_held=self._window.held,
            sound_ms=1000 * window.sound_samples // self._window.clock_rate,
            concealed_ms=1000 * window.concealed_samples // self._window.clock_rate,
        )

    def close(self) -> None:
        """Stop both timers and free the codecs; nothing is sent or told after that."""
        self._closed = True
        for timer in (self._window_timer, self._rtcp_timer):
            if timer is not None:
                timer.cancel()
        self._window_timer = self._rtcp_timer = None
        self._decoder.close()
        self._encoder.close()


def _window_for(codec: AudioCodec) -> ReceiveWindow:
    return ReceiveWindow(codec.duration_of, clock_rate=codec.clock_rate, has_fec=codec.has_fec)
