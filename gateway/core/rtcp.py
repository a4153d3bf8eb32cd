"""RTCP of one RTP session: statistics both ways, and when to report them (RFC 3550 §6)."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.core.rtcp_packets import (
    Bye,
    ReceiverReport,
    ReportBlock,
    RtcpError,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    Unknown,
    parse_compound,
    serialize_compound,
)
from gateway.core.rtp import RtpPacket, sequence_delta, timestamp_delta

__all__ = [
    "Bye",
    "LinkQuality",
    "LossReport",
    "ReceiverReport",
    "ReceptionStatistics",
    "ReportBlock",
    "RtcpError",
    "RtcpPacket",
    "RtcpSession",
    "SenderReport",
    "SenderStatistics",
    "SourceDescription",
    "Unknown",
    "parse_compound",
    "serialize_compound",
]

FIRST_REPORT = (0.5, 1.5)
REPORT_INTERVAL = (2.0, 3.0)
"""Seconds, drawn anew for each report so that sessions do not fall into step (RFC 3550 §6.2)."""

_MAX_DROPOUT = 3000  # RFC 3550 A.1: a leap further ahead, or
_MAX_MISORDER = 100  # further back, may be a restarted source.
_MAX_TRANSIT_CHANGE = 5.0  # Seconds; a change beyond it is a new time line, not jitter.
_SENDER_FOR_REPORTS = 2  # RFC 3550 §6.4: we are a sender until the second report after a packet.
_REMEMBERED_REPORTS = 16
_REPORT_LIFETIME = 30.0  # Seconds; browsers report every five while they receive.

_NTP_EPOCH = 2_208_988_800  # Seconds from 1900 to 1970.
_COMPACT_NTP_HZ = 65_536
_WORD = 0xFFFF_FFFF
_MAX_LOST = (1 << 23) - 1
_MIN_LOST = -(1 << 23)


def _compact_ntp(ntp_time: int) -> int:
    """The middle 32 bits of an NTP time: units of 1/65536 s, wrapping every 18 hours."""
    return ntp_time >> 16 & _WORD


class ReceptionStatistics:
    """Loss and jitter of the one source that a caller sends.

    A packet of another SSRC starts the statistics anew, for it is another source.

    :param clock_rate: Hz of the RTP timestamps.
    """

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._sender_report: tuple[SenderReport, float] | None = None
        self.ssrc: int | None = None
        self.received_packets = 0
        self.loss_fraction = 0.0
        """Share of the packets expected between the last two reports that did not come, 0–1."""
        self._base = 0
        self._highest = 0
        self._expected_before = 0
        self._received_before = 0
        self._restart_at: int | None = None
        self._jitter = 0.0
        self._latest: tuple[int, float] | None = None

    def use_clock(self, clock_rate: int) -> None:
        """Timestamps count in ``clock_rate`` Hz from now on; jitter is measured anew."""
        self._clock_rate = clock_rate
        self._jitter = 0.0
        self._latest = None

    @property
    def lost(self) -> int:
        """Packets lost since the start (RFC 3550 A.3); negative when duplicates prevail."""
        return self._expected - self.received_packets

    @property
    def jitter_seconds(self) -> float:
        """Interarrival jitter (RFC 3550 A.8)."""
        return self._jitter / self._clock_rate

    @property
    def _expected(self) -> int:
        return 0 if self.ssrc is None else self._highest - self._base + 1

    def received(self, packet_sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        """Count a packet that arrived at ``now``."""
        if ssrc != self.ssrc:
            self._start(packet_sequence, ssrc)
        elif not self._follows(packet_sequence):
            return
        self.received_packets += 1
        self._update_jitter(timestamp, now)

    def on_sender_report(self, report: SenderReport, now: float) -> None:
        self._sender_report = (report, now)

    def report(self, now: float) -> ReportBlock | None:
        """The block for the interval since the previous call; None when no packet came in it."""
        expected = self._expected - self._expected_before
        received = self.received_packets - self._received_before
        self._expected_before, self._received_before = self._expected, self.received_packets
        self.loss_fraction = max(0, expected - received) / expected if expected else 0.0
        if self.ssrc is None or received == 0:
            return None
        last_sr, delay = self._since_sender_report(now)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(int(self.loss_fraction * 256), 255),
            cumulative_lost=max(_MIN_LOST, min(self.lost, _MAX_LOST)),
            highest_sequence=self._highest & _WORD,
            jitter=int(self._jitter) & _WORD,
            last_sr=last_sr,
            delay_since_last_sr=delay,
        )

    def _start(self, sequence: int, ssrc: int) -> None:
        self.ssrc = ssrc
        self.received_packets = 0
        self._base = self._highest = sequence
        self._expected_before = self._received_before = 0
        self._restart_at = None
        self._jitter = 0.0
        self._latest = None

    def _follows(self, sequence: int) -> bool:
        """Whether a packet belongs to the sequence so far (RFC 3550 A.1).

        One that is far off is not counted, but two in a row begin a new sequence.
        """
        if sequence == (self._highest + 1) & 0xFFFF:
            self._highest += 1
            self._restart_at = None
            return True
        step = sequence_delta(sequence, self._highest & 0xFFFF)
        if -_MAX_MISORDER < step < _MAX_DROPOUT:
            self._highest += max(step, 0)
            self._restart_at = None
            return True
        if sequence == self._restart_at and self.ssrc is not None:
            self._start(sequence, self.ssrc)
            return True
        self._restart_at = (sequence + 1) & 0xFFFF
        return False

    def _update_jitter(self, timestamp: int, now: float) -> None:
        latest, self._latest = self._latest, (timestamp, now)
        if latest is None:
            return
        elapsed = (now - latest[1]) * self._clock_rate
        change = abs(elapsed - timestamp_delta(timestamp, latest[0]))
        if change < _MAX_TRANSIT_CHANGE * self._clock_rate:
            self._jitter += (change - self._jitter) / 16

    def _since_sender_report(self, now: float) -> tuple[int, int]:
        """``last_sr`` and ``delay_since_last_sr``."""
        if self._sender_report is None or self._sender_report[0].ssrc != self.ssrc:
            return 0, 0
        report, at = self._sender_report
        return _compact_ntp(report.ntp_time), round((now - at) * _COMPACT_NTP_HZ) & _WORD


class SenderStatistics:
    """What we sent, and what the receiver says of it.

    :param clock_rate: Hz of the RTP timestamps.
    :param wall_clock_offset: seconds from ``now`` to Unix time.
    :ivar rtt_seconds, remote_loss_fraction, remote_jitter_seconds: None until reported.
    """

    def __init__(self, ssrc: int, clock_rate: int, wall_clock_offset: float) -> None:
        self._ssrc = ssrc
        self._clock_rate = clock_rate
        self._wall_clock_offset = wall_clock_offset
        self._latest: tuple[int, float] = (0, 0.0)
        self._reported: deque[int] = deque(maxlen=_REMEMBERED_REPORTS)
        self._highest_reported: int | None = None
        self.packets = 0
        self.octets = 0
        self.reported_at = -math.inf
        self.rtt_seconds: float | None = None
        self.remote_loss_fraction: float | None = None
        self.remote_jitter_seconds: float | None = None

    def use_clock(self, clock_rate: int) -> None:
        """Timestamps count in ``clock_rate`` Hz from now on."""
        self._clock_rate = clock_rate

    def sent(self, timestamp: int, payload_bytes: int, now: float) -> None:
        """Count a packet sent at ``now``."""
        self.packets += 1
        self.octets += payload_bytes
        self._latest = (timestamp, now)

    def sender_report(self, now: float) -> SenderReport:
        """A report without blocks; its RTP timestamp runs on from the latest packet's."""
        timestamp, at = self._latest
        ntp_time = self._ntp(now)
        self._reported.append(_compact_ntp(ntp_time))
        return SenderReport(
            ssrc=self._ssrc,
            ntp_time=ntp_time,
            rtp_timestamp=(timestamp + round((now - at) * self._clock_rate)) & _WORD,
            packet_count=self.packets & _WORD,
            octet_count=self.octets & _WORD,
        )

    def on_report(self, block: ReportBlock, now: float) -> LossReport:
        """Take in the receiver's view of our stream."""
        covered = self.packets
        if self._highest_reported is not None:
            covered = timestamp_delta(block.highest_sequence, self._highest_reported)
        self._highest_reported = block.highest_sequence
        self.reported_at = now
        self.remote_loss_fraction = block.fraction_lost / 256
        self.remote_jitter_seconds = block.jitter / self._clock_rate
        if block.last_sr in self._reported:
            arrival = _compact_ntp(self._ntp(now))
            round_trip = timestamp_delta(arrival, block.last_sr + block.delay_since_last_sr)
            self.rtt_seconds = max(0, round_trip) / _COMPACT_NTP_HZ
        return LossReport(block.fraction_lost / 256, max(0, min(covered, self.packets)))

    def _ntp(self, now: float) -> int:
        seconds = self._wall_clock_offset + now + _NTP_EPOCH
        return int(seconds * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class LossReport:
    """What a receiver says of our stream: ``loss``, a share (0–1) of ``packets`` it now covers."""

    loss: float
    packets: int


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """The link now; None where no report has told yet.

    :ivar jitter_ms, loss_percent: of what we receive; the loss is that of the last report interval.
    :ivar remote_loss_percent, remote_jitter_ms: of what the caller receives.
    """

    rtt_ms: float | None
    jitter_ms: float
    loss_percent: float
    remote_loss_percent: float | None
    remote_jitter_ms: float | None


class RtcpSession:
    """RTCP for one stream each way.

    :param ssrc: ours; ``cname`` is announced with it.
    :param clock_rate: Hz of the RTP timestamps, both ways.
    :param wall_clock_offset: seconds from ``now`` to Unix time, for the NTP time of sender reports.
    :param now: when the session starts; the first report is due about a second later.
    :param rng: spreads the report intervals.
    """

    def __init__(
        self,
        ssrc: int,
        cname: str,
        clock_rate: int,
        *,
        wall_clock_offset: float,
        now: float = 0.0,
        rng: random.Random | None = None,
    ) -> None:
        self._ssrc = ssrc
        self._cname = cname
        self._rng = rng or random.Random()
        self._deadline = now + self._rng.uniform(*FIRST_REPORT)
        self._sender_for = 0
        self.reception = ReceptionStatistics(clock_rate)
        self.sending = SenderStatistics(ssrc, clock_rate, wall_clock_offset)
        self.peer_left = False
        """Whether the source we receive said BYE, and nothing after it."""

    def use_clock(self, clock_rate: int) -> None:
        """Both streams count in ``clock_rate`` Hz from now on: another codec was agreed on."""
        self.reception.use_clock(clock_rate)
        self.sending.use_clock(clock_rate)

    @property
    def deadline(self) -> float:
        """When the next report is due."""
        return self._deadline

    def quality(self, now: float) -> LinkQuality:
        """What both ends measured last; what the caller reported is forgotten after 30 s."""
        sending = self.sending
        known = now - sending.reported_at <= _REPORT_LIFETIME
        return LinkQuality(
            rtt_ms=_scaled(sending.rtt_seconds, 1000) if known else None,
            jitter_ms=self.reception.jitter_seconds * 1000,
            loss_percent=self.reception.loss_fraction * 100,
            remote_loss_percent=_scaled(sending.remote_loss_fraction, 100) if known else None,
            remote_jitter_ms=_scaled(sending.remote_jitter_seconds, 1000) if known else None,
        )

    def on_rtp_received(self, packet: RtpPacket, now: float) -> None:
        self.reception.received(packet.sequence, packet.timestamp, packet.ssrc, now)
        self.peer_left = False

    def on_rtp_sent(self, timestamp: int, payload_bytes: int, now: float) -> None:
        self.sending.sent(timestamp, payload_bytes, now)
        self._sender_for = _SENDER_FOR_REPORTS

    def on_datagram(self, data: bytes, now: float) -> list[LossReport]:
        """Take in a decrypted RTCP datagram.

        :return: what it says of our stream: at most one report, of a peer that keeps to the rules.
        :raises RtcpError: it is malformed; nothing of it was taken in.
        """
        reports: list[LossReport] = []
        for packet in parse_compound(data):
            match packet:
                case SenderReport(blocks=blocks):
                    self.reception.on_sender_report(packet, now)
                    reports += self._on_blocks(blocks, now)
                case ReceiverReport(blocks=blocks):
                    reports += self._on_blocks(blocks, now)
                case Bye(sources) if self.reception.ssrc in sources:
                    self.peer_left = True
        return reports

    def next_report(self, now: float) -> bytes | None:
        """The compound report that is due, to be sent at once; None before :attr:`deadline`."""
        if now < self._deadline:
            return None
        self._deadline = now + self._rng.uniform(*REPORT_INTERVAL)
        block = self.reception.report(now)
        blocks = () if block is None else (block,)
        if self._sender_for == 0:
            return self._compound(ReceiverReport(self._ssrc, blocks))
        self._sender_for -= 1
        return self._compound(replace(self.sending.sender_report(now), blocks=blocks))

    def bye(self) -> bytes:
        """The farewell, for when the stream ends (RFC 3550 §6.6)."""
        return self._compound(ReceiverReport(self._ssrc), Bye((self._ssrc,)))

    def _on_blocks(self, blocks: tuple[ReportBlock, ...], now: float) -> Iterator[LossReport]:
        for block in blocks:
            if block.ssrc == self._ssrc:
                yield self.sending.on_report(block, now)

    def _compound(self, report: SenderReport | ReceiverReport, *others: RtcpPacket) -> bytes:
        description = SourceDescription(((self._ssrc, self._cname),))
        return serialize_compound((report, description, *others))


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
