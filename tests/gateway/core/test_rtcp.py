import heapq
import random
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.rtcp import (
    Bye,
    LinkQuality,
    ReceiverReport,
    ReceptionStatistics,
    ReportBlock,
    RtcpError,
    RtcpSession,
    SenderReport,
    SenderStatistics,
    SourceDescription,
    parse_compound,
    serialize_compound,
)
from gateway.core.rtp import RtpPacket
from tests.net import VirtualNetwork

CLOCK = 48_000
FRAME = 960
FRAME_SECONDS = 0.02
UNIX_TIME = 1_700_000_000.25


def receive(
    statistics: ReceptionStatistics, sequences: list[int], first: int = 0, ssrc: int = 7
) -> None:
    """Packets of 20 ms, each on time by its place after sequence number ``first``."""
    for sequence in sequences:
        place = sequence - first
        statistics.received(
            sequence & 0xFFFF, (place * FRAME) & 0xFFFFFFFF, ssrc, place * FRAME_SECONDS
        )


def reported(statistics: ReceptionStatistics, now: float = 100.0) -> ReportBlock:
    block = statistics.report(now)
    assert block is not None
    return block


class TestReception:
    def test_nothing_to_report_at_first(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        assert statistics.report(1.0) is None
        assert (statistics.lost, statistics.jitter_seconds, statistics.ssrc) == (0, 0.0, None)

    def test_all_came(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, list(range(1000, 1100)))
        assert reported(statistics) == ReportBlock(7, 0, 0, 1099, 0, 0, 0)

    def test_loss_by_interval_and_in_all(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [n for n in range(100) if n % 4 or n == 0])
        first = reported(statistics)
        assert (first.fraction_lost, first.cumulative_lost) == (int(24 / 100 * 256), 24)
        assert statistics.loss_fraction == 0.24
        receive(statistics, list(range(100, 200)))
        second = reported(statistics)
        assert (second.fraction_lost, second.cumulative_lost) == (0, 24)
        assert statistics.lost == 24

    def test_late_packets_are_not_lost(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 1, 5, 4, 3, 2])
        block = reported(statistics)
        assert (block.cumulative_lost, block.highest_sequence) == (0, 5)

    def test_duplicates_make_the_loss_negative(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 1, 1, 1, 2])
        block = reported(statistics)
        assert (block.fraction_lost, block.cumulative_lost) == (0, -2)

    def test_wraps_are_counted(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, list(range(65_530, 65_550)), first=65_530)
        block = reported(statistics)
        assert (block.highest_sequence, block.cumulative_lost) == (65_549, 0)

    def test_silence_has_no_block_and_no_loss(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 2])
        assert reported(statistics).fraction_lost > 0
        assert statistics.report(101.0) is None
        assert statistics.loss_fraction == 0.0

    def test_other_source_starts_anew(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 9])
        receive(statistics, [50_000, 50_001], first=50_000, ssrc=8)
        block = reported(statistics)
        assert (block.ssrc, block.cumulative_lost, block.highest_sequence) == (8, 0, 50_001)

    def test_one_stray_packet_changes_nothing(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 1, 30_000, 2, 3])
        block = reported(statistics)
        assert (block.cumulative_lost, block.highest_sequence) == (0, 3)

    def test_two_in_a_row_far_off_are_a_restart(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        receive(statistics, [0, 1, 30_000, 30_001, 30_002])
        block = reported(statistics)
        assert (block.cumulative_lost, block.highest_sequence) == (0, 30_002)

    def test_block_answers_the_last_sender_report_of_its_source(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        statistics.on_sender_report(SenderReport(7, 0x1111_2222_3333_4444, 0, 0, 0), 0.0)
        receive(statistics, [0, 1])
        block = reported(statistics, now=1.5)
        assert (block.last_sr, block.delay_since_last_sr) == (0x2222_3333, 98_304)
        receive(statistics, [0, 1], ssrc=8)
        block = reported(statistics, now=2.0)
        assert (block.last_sr, block.delay_since_last_sr) == (0, 0)

    @settings(deadline=None)
    @given(st.sets(st.integers(1, 300)), st.integers(0, 0xFFFF))
    def test_loss_is_what_did_not_come(self, missing: set[int], start: int) -> None:
        statistics = ReceptionStatistics(CLOCK)
        sequences = [start + n for n in range(302) if n not in missing]
        receive(statistics, sequences, first=start)
        assert reported(statistics).cumulative_lost == len(missing)

    @settings(max_examples=40, deadline=None)
    @given(
        st.builds(
            VirtualNetwork[int],
            st.integers(0, 2**32),
            loss=st.floats(0, 0.3),
            burst=st.none() | st.floats(1.5, 5),
            jitter_ms=st.floats(0, 30),
            reorder=st.floats(0, 0.3),
            reorder_ms=st.floats(0, 100),
            duplicate=st.floats(0, 0.2),
            drift_ppm=st.floats(-500, 500),
        ),
        st.integers(0, 0xFFFF),
    )
    def test_reports_add_up_to_what_the_network_did(
        self, network: VirtualNetwork[int], start: int
    ) -> None:
        for number in range(600):
            network.send(number, number * FRAME_SECONDS)
        statistics, arrived = ReceptionStatistics(CLOCK), list(network.deliver(float("inf")))
        first = arrived[0][1]
        for count, (now, number) in enumerate(arrived):
            sequence, timestamp = (start + number) & 0xFFFF, number * FRAME
            statistics.received(sequence, timestamp, 7, now)
            if count % 100 == 99:
                assert 0 <= reported(statistics, now).fraction_lost <= 255
        block = statistics.report(now)
        expected = max(number for _, number in arrived) - first + 1
        assert statistics.lost == expected - len(arrived)
        assert (
            block is None
            or block.highest_sequence & 0xFFFF == (start + expected + first - 1) & 0xFFFF
        )
        # An exponential delay, or a detour of another 100 ms: no change of transit is greater.
        assert 0 <= statistics.jitter_seconds < 0.5


class TestJitter:
    def test_by_the_formula_of_rfc_3550(self) -> None:
        """A.8: each change of transit time moves the estimate by a sixteenth."""
        rng = random.Random(1)
        statistics = ReceptionStatistics(CLOCK)
        expected, before = 0.0, None
        for n in range(200):
            delay = rng.uniform(0.0, 0.03)
            statistics.received(n, n * FRAME, 7, n * FRAME_SECONDS + delay)
            if before is not None:
                expected += (abs(delay - before) - expected) / 16
            before = delay
        assert statistics.jitter_seconds == pytest.approx(expected)
        assert reported(statistics).jitter == int(statistics.jitter_seconds * CLOCK)

    def test_across_the_wrap_of_timestamps(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        for n in range(50):
            statistics.received(n, (0xFFFF_FF00 + n * FRAME) & 0xFFFFFFFF, 7, n * FRAME_SECONDS)
        assert statistics.jitter_seconds == pytest.approx(0.0, abs=1e-9)

    def test_leap_of_the_time_line_is_no_jitter(self) -> None:
        statistics = ReceptionStatistics(CLOCK)
        statistics.received(0, 0, 7, 0.0)
        statistics.received(1, 10 * CLOCK, 7, 0.02)
        assert statistics.jitter_seconds == 0.0
        statistics.received(2, 10 * CLOCK + FRAME, 7, 0.05)
        assert statistics.jitter_seconds == pytest.approx(0.01 / 16)


class TestSender:
    def test_report_maps_now_to_ntp_and_rtp_time(self) -> None:
        statistics = SenderStatistics(5, CLOCK, UNIX_TIME)
        statistics.sent(0xFFFF_FFFF, 60, 10.0)
        statistics.sent(FRAME - 1, 40, 10.02)
        report = statistics.sender_report(10.52)
        assert report.ntp_time / 2**32 == pytest.approx(UNIX_TIME + 10.52 + 2_208_988_800, abs=1e-5)
        assert report.rtp_timestamp == FRAME - 1 + CLOCK // 2
        assert (report.ssrc, report.packet_count, report.octet_count) == (5, 2, 100)
        assert report.blocks == ()

    @pytest.mark.parametrize(
        ("held", "back", "rtt"), [(1.0, 1.5, 0.5), (0.0, 0.08, 0.08), (1.0, 1.0, 0.0)]
    )
    def test_round_trip_is_what_the_receiver_did_not_hold(
        self, held: float, back: float, rtt: float
    ) -> None:
        statistics = SenderStatistics(5, CLOCK, UNIX_TIME)
        last_sr = statistics.sender_report(10.0).ntp_time >> 16 & 0xFFFFFFFF
        statistics.on_report(ReportBlock(5, 64, 3, 0, 480, last_sr, int(held * 65_536)), 10 + back)
        assert statistics.rtt_seconds == pytest.approx(rtt, abs=1e-4)
        assert statistics.remote_loss_fraction == 0.25
        assert statistics.remote_jitter_seconds == 0.01

    def test_round_trip_is_never_negative(self) -> None:
        """The receiver may round its delay up."""
        statistics = SenderStatistics(5, CLOCK, UNIX_TIME)
        last_sr = statistics.sender_report(10.0).ntp_time >> 16 & 0xFFFFFFFF
        statistics.on_report(ReportBlock(5, 0, 0, 0, 0, last_sr, 70_000), 11.0)
        assert statistics.rtt_seconds == 0.0

    def test_round_trip_across_the_wrap_of_compact_ntp(self) -> None:
        wrap = 2**16 * 60_000 - 2_208_988_800
        statistics = SenderStatistics(5, CLOCK, wrap - 10.5)
        last_sr = statistics.sender_report(10.0).ntp_time >> 16 & 0xFFFFFFFF
        statistics.on_report(ReportBlock(5, 0, 0, 0, 0, last_sr, 32_768), 10.75)
        assert statistics.rtt_seconds == pytest.approx(0.25, abs=1e-4)

    @pytest.mark.parametrize("last_sr", [0, 12_345])
    def test_report_on_nothing_we_sent_measures_no_round_trip(self, last_sr: int) -> None:
        statistics = SenderStatistics(5, CLOCK, UNIX_TIME)
        statistics.sender_report(10.0)
        statistics.on_report(ReportBlock(5, 0, 0, 0, 0, last_sr, 0), 11.0)
        assert statistics.rtt_seconds is None


def session(ssrc: int = 1, seed: int = 0, now: float = 0.0) -> RtcpSession:
    return RtcpSession(
        ssrc, f"cname-{ssrc}", CLOCK, wall_clock_offset=UNIX_TIME, now=now, rng=random.Random(seed)
    )


def packet(n: int, ssrc: int) -> RtpPacket:
    return RtpPacket(111, False, n & 0xFFFF, n * FRAME & 0xFFFFFFFF, ssrc, bytes(80))


class TestSchedule:
    def test_first_report_comes_about_a_second_after_the_start(self) -> None:
        deadlines = [session(seed=seed, now=50.0).deadline - 50.0 for seed in range(200)]
        assert 0.5 <= min(deadlines) < 0.6
        assert 1.4 < max(deadlines) <= 1.5

    def test_later_ones_every_two_to_three_seconds(self) -> None:
        ours = session()
        intervals = []
        for _ in range(200):
            due = ours.deadline
            assert ours.next_report(due - 0.001) is None
            assert ours.deadline == due
            assert ours.next_report(due) is not None
            intervals.append(ours.deadline - due)
        assert 2.0 <= min(intervals) < 2.1
        assert 2.9 < max(intervals) <= 3.0

    def test_report_sent_late_does_not_hurry_the_next(self) -> None:
        ours = session()
        ours.next_report(60.0)
        assert 62.0 <= ours.deadline <= 63.0


class TestReports:
    def next(self, ours: RtcpSession) -> list[object]:
        data = ours.next_report(ours.deadline)
        assert data is not None
        return list(parse_compound(data))

    def test_before_anything_was_sent_or_received(self) -> None:
        assert self.next(session()) == [
            ReceiverReport(1),
            SourceDescription(((1, "cname-1"),)),
        ]

    def test_receiver_report_has_a_block_for_what_came(self) -> None:
        ours = session()
        for n in range(10):
            ours.on_rtp_received(packet(n, ssrc=2), n * FRAME_SECONDS)
        report = self.next(ours)[0]
        assert isinstance(report, ReceiverReport)
        assert [(b.ssrc, b.highest_sequence) for b in report.blocks] == [(2, 9)]
        assert self.next(ours)[0] == ReceiverReport(1)

    def test_we_are_a_sender_until_the_second_report_after_a_packet(self) -> None:
        ours = session()
        ours.on_rtp_sent(FRAME, 80, 0.1)
        kinds = [type(self.next(ours)[0]) for _ in range(3)]
        assert kinds == [SenderReport, SenderReport, ReceiverReport]

    def test_bye_names_us(self) -> None:
        assert parse_compound(session().bye()) == [
            ReceiverReport(1),
            SourceDescription(((1, "cname-1"),)),
            Bye((1,)),
        ]

    def test_bye_of_our_peer_is_noticed(self) -> None:
        ours = session()
        ours.on_rtp_received(packet(0, ssrc=2), 0.0)
        ours.on_datagram(session(ssrc=3).bye(), 0.5)
        assert not ours.peer_left
        ours.on_datagram(session(ssrc=2).bye(), 0.5)
        assert ours.peer_left

    def test_malformed_datagram_changes_nothing(self) -> None:
        ours = session()
        ours.on_rtp_received(packet(0, ssrc=2), 0.0)
        good = session(ssrc=2).bye()
        with pytest.raises(RtcpError):
            ours.on_datagram(good + b"\x80", 0.5)
        assert not ours.peer_left

    def test_blocks_about_others_are_ignored(self) -> None:
        ours = session()
        block = ReportBlock(99, 128, 0, 0, 480, 0, 0)
        ours.on_datagram(serialize_compound([ReceiverReport(2, (block,))]), 1.0)
        assert ours.quality(1.0).remote_loss_percent is None

    def test_feedback_is_ignored(self) -> None:
        session().on_datagram(bytes.fromhex("81ce0002 00000002 00000001"), 1.0)


class Link:
    """Virtual time: calls in the order of their times."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, int, Callable[[float], object]]] = []
        self._added = 0

    def at(self, time: float, call: Callable[[float], object]) -> None:
        self._added += 1
        heapq.heappush(self._calls, (time, self._added, call))

    def run(self, *sessions: RtcpSession, delay: float) -> None:
        """Run all calls; what one of two sessions reports meanwhile reaches the other."""
        while self._calls:
            time, _, call = heapq.heappop(self._calls)
            call(time)
            for ours, theirs in (sessions, sessions[::-1]):
                report = ours.next_report(time)
                if report is not None:
                    self.at(time + delay, partial(theirs.on_datagram, report))


def run_call(
    a: RtcpSession, b: RtcpSession, seconds: float, delay: float, lost: Callable[[int], bool]
) -> None:
    """Audio both ways; ``lost`` tells which of ``a``'s packets vanish."""
    link = Link()
    for n in range(int(seconds / FRAME_SECONDS)):
        sent, arrived = n * FRAME_SECONDS, n * FRAME_SECONDS + delay
        for ours in (a, b):
            link.at(sent, partial(ours.on_rtp_sent, n * FRAME, 80))
        link.at(arrived, partial(a.on_rtp_received, packet(n, ssrc=2)))
        if not lost(n):
            link.at(arrived, partial(b.on_rtp_received, packet(n, ssrc=1)))
    link.run(a, b, delay=delay)


class TestQuality:
    def test_unknown_until_reported(self) -> None:
        assert session().quality(0.0) == LinkQuality(None, 0.0, 0.0, None, None)

    def test_of_a_link_with_delay_and_loss(self) -> None:
        a, b = session(ssrc=1, seed=1), session(ssrc=2, seed=2)
        run_call(a, b, seconds=20.0, delay=0.03, lost=lambda n: n % 10 == 5)
        ours, theirs = a.quality(20.0), b.quality(20.0)
        assert ours.rtt_ms == pytest.approx(60, abs=1)
        assert theirs.rtt_ms == pytest.approx(60, abs=1)
        assert ours.loss_percent == 0.0
        assert theirs.loss_percent == pytest.approx(10, abs=1)
        assert ours.remote_loss_percent == pytest.approx(10, abs=1.5)
        assert theirs.remote_loss_percent == 0.0
        assert theirs.jitter_ms == pytest.approx(0, abs=0.1)
        assert ours.remote_jitter_ms == pytest.approx(0, abs=0.1)

    def test_what_was_reported_long_ago_is_forgotten(self) -> None:
        a, b = session(ssrc=1, seed=1), session(ssrc=2, seed=2)
        run_call(a, b, seconds=10.0, delay=0.01, lost=lambda n: False)
        assert a.quality(12.0).rtt_ms is not None
        assert a.quality(60.0) == LinkQuality(None, a.quality(60.0).jitter_ms, 0.0, None, None)
