"""The receive window: order, holes, and packets that do not belong."""

from __future__ import annotations

import pytest

from gateway.core.jitter import (
    MAX_STEP,
    Conceal,
    Play,
    ReceiveWindow,
    Recover,
    Silence,
)
from gateway.core.rtp import RtpPacket
from tests.gateway.core.talk import (
    CLOCK,
    FRAME,
    FRAME_TIME,
    REORDERING_CEILING,
    REORDERING_FLOOR,
    drain,
    duration_of,
    empty,
    feed,
    number_of,
    packet,
    play,
    recover,
)


@pytest.fixture
def window() -> ReceiveWindow:
    return ReceiveWindow(duration_of)


# -- in order ------------------------------------------------------------------


def test_packets_in_order_pass_at_once(window: ReceiveWindow) -> None:
    assert feed(window, *range(5)) == [play(n) for n in range(5)]
    assert window.held == 0
    assert window.stats.played_samples == 5 * FRAME


def test_nothing_is_owed_before_the_first_packet(window: ReceiveWindow) -> None:
    assert window.pop(100.0) is None
    assert window.deadline is None


def test_sequence_and_timestamp_wrap(window: ReceiveWindow) -> None:
    first = 2**32 - 2 * FRAME
    for step in range(5):
        now = step * FRAME_TIME
        window.push(packet(step, sequence=65_534 + step, timestamp=first + step * FRAME), now)
        assert drain(window, now) == [play(step)]
    assert window.stats.resets == window.stats.talkspurts == 0


def test_durations_may_change_from_packet_to_packet(window: ReceiveWindow) -> None:
    timestamp = 0
    for number, samples in enumerate((480, 2880, 960, 1920, 480)):
        now = timestamp / CLOCK
        window.push(packet(number, timestamp=timestamp, samples=samples), now)
        assert drain(window, now) == [play(number, samples)]
        timestamp += samples
    assert window.ahead == 0


def test_several_packets_may_be_pushed_before_pop(window: ReceiveWindow) -> None:
    for number in range(3):
        window.push(packet(number), 0.0)
    assert window.deadline == 0.0
    assert drain(window, 0.0) == [play(0), play(1), play(2)]
    feed(window, *range(3, 40_000))
    for number in range(40_000, 40_003):
        window.push(packet(number), 800.0)
    assert drain(window, 800.0) == [play(n) for n in range(40_000, 40_003)]
    assert window.stats.reordered == 0


# -- holes ---------------------------------------------------------------------


def test_a_lost_packet_is_recovered_from_the_next_after_the_shortest_wait(
    window: ReceiveWindow,
) -> None:
    assert feed(window, 0, 2) == [play(0)]
    opened_at = 2 * FRAME_TIME
    assert window.deadline == pytest.approx(opened_at + REORDERING_FLOOR)
    assert window.pop(opened_at + 0.019) is None
    assert drain(window, opened_at + REORDERING_FLOOR) == [recover(2), play(2)]
    assert (window.stats.lost, window.stats.recovered, window.stats.concealed) == (1, 1, 0)


def test_after_a_loss_the_delay_is_zero_again(window: ReceiveWindow) -> None:
    feed(window, 0, 2)
    now = 3 * FRAME_TIME
    window.push(packet(3), now)
    assert drain(window, now) == [recover(2), play(2), play(3)]
    assert feed(window, 4) == [play(4)]


def test_a_reordered_packet_in_time_costs_nothing_but_the_wait(window: ReceiveWindow) -> None:
    feed(window, 0, 2)
    window.push(packet(1), 2 * FRAME_TIME + 0.01)
    assert drain(window, 2 * FRAME_TIME + 0.01) == [play(1), play(2)]
    assert (window.stats.reordered, window.stats.lost) == (1, 0)


def test_a_longer_loss_is_concealed_before_the_recovered_frame(window: ReceiveWindow) -> None:
    feed(window, 0, 4)
    assert drain(window, 4 * FRAME_TIME + REORDERING_FLOOR) == [
        Conceal(2 * FRAME),
        recover(4),
        play(4),
    ]
    assert (window.stats.lost, window.stats.recovered, window.stats.concealed) == (3, 1, 2)


def test_concealment_ends_after_120_ms(window: ReceiveWindow) -> None:
    feed(window, 0, 11)
    assert drain(window, 11 * FRAME_TIME + REORDERING_FLOOR) == [
        Conceal(5760),
        Silence(3 * FRAME),
        recover(11),
        play(11),
    ]


def test_without_fec_a_hole_is_concealed_whole() -> None:
    window = ReceiveWindow(duration_of, has_fec=lambda payload: False)
    feed(window, 0, 2)
    assert drain(window, 0.1) == [Conceal(FRAME), play(2)]
    assert (window.stats.recovered, window.stats.concealed) == (0, 1)


def test_two_holes_wait_each_from_their_own_packet(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(packet(2), 0.040)
    window.push(packet(4), 0.050)
    assert drain(window, 0.060) == [recover(2), play(2)]
    assert window.deadline == pytest.approx(0.070)
    assert drain(window, 0.070) == [recover(4), play(4)]


def test_a_hole_before_a_long_packet_is_recovered_only_for_its_own_length(
    window: ReceiveWindow,
) -> None:
    feed(window, 0)
    following = packet(2, samples=2880)
    window.push(following, 0.04)
    assert drain(window, 0.06) == [
        Recover(following.payload, FRAME),
        Play(following.payload, 2880),
    ]


def test_reordering_seen_makes_the_window_wait_longer(window: ReceiveWindow) -> None:
    feed(window, 0, 2)
    drain(window, 0.060)
    window.push(packet(1), 0.040 + 0.036)
    assert drain(window, 0.076) == []
    assert window.stats.late == 1
    feed(window, 3, 5)
    assert window.deadline == pytest.approx(5 * FRAME_TIME + 0.045, abs=0.001)


def test_the_wait_never_exceeds_its_ceiling_and_sinks_again(window: ReceiveWindow) -> None:
    feed(window, 0, 2)
    drain(window, 0.060)
    window.push(packet(1), 0.040 + 0.059)
    feed(window, 3, 5)
    assert window.deadline == pytest.approx(5 * FRAME_TIME + REORDERING_CEILING, abs=0.001)
    drain(window, 0.2)
    feed(window, *range(6, 6000), 6001)
    assert window.deadline == pytest.approx(6001 * FRAME_TIME + REORDERING_FLOOR, abs=0.001)


# -- copies of missing packets ----------------------------------------------------


def test_a_copy_fills_its_hole_without_a_wait(window: ReceiveWindow) -> None:
    assert feed(window, 0, 2) == [play(0)]
    window.push_copy(packet(1), 2 * FRAME_TIME)
    assert drain(window, 2 * FRAME_TIME) == [play(1), play(2)]
    assert (window.stats.redundant, window.stats.lost, window.stats.received) == (1, 0, 2)


def test_a_copy_of_what_is_there_is_not_even_a_duplicate(window: ReceiveWindow) -> None:
    feed(window, 0, 1)
    window.push_copy(packet(0), FRAME_TIME)
    window.push_copy(packet(1), FRAME_TIME)
    feed(window, 3)
    window.push_copy(packet(3), 3 * FRAME_TIME)
    assert drain(window, 3 * FRAME_TIME) == []
    stats = window.stats
    assert (stats.redundant, stats.duplicate, stats.late, stats.reordered) == (0, 0, 0, 0)


def test_a_copy_of_part_of_a_hole_leaves_the_rest_to_the_wait(window: ReceiveWindow) -> None:
    feed(window, 0, 3)
    window.push_copy(packet(2), 3 * FRAME_TIME)
    assert drain(window, 3 * FRAME_TIME) == []
    opened_at = 3 * FRAME_TIME
    assert window.deadline == pytest.approx(opened_at + REORDERING_FLOOR)
    assert drain(window, opened_at + REORDERING_FLOOR) == [recover(2), play(2), play(3)]


def test_a_packet_that_follows_its_copy_is_a_duplicate_and_teaches_nothing(
    window: ReceiveWindow,
) -> None:
    feed(window, 0, 2)
    window.push_copy(packet(1), 2 * FRAME_TIME)
    drain(window, 2 * FRAME_TIME)
    window.push(packet(1), 2 * FRAME_TIME + 0.015)
    assert (window.stats.duplicate, window.stats.late, window.stats.reordered) == (1, 0, 0)
    feed(window, 4)
    assert window.deadline == pytest.approx(4 * FRAME_TIME + REORDERING_FLOOR)


@pytest.mark.parametrize(
    "copy",
    [
        packet(1, timestamp=0),
        packet(1, ssrc=2),
        packet(1, sequence=50),
        packet(1, sequence=-200),
    ],
    ids=["of a time that passed", "another source", "newer than all", "far off"],
)
def test_a_copy_that_does_not_fit_is_ignored(window: ReceiveWindow, copy: RtpPacket) -> None:
    feed(window, 0, 2)
    window.push_copy(copy, 2 * FRAME_TIME)
    assert window.held == 1
    assert window.stats.redundant == 0


def test_a_copy_before_any_packet_is_ignored(window: ReceiveWindow) -> None:
    window.push_copy(packet(0), 0.0)
    assert drain(window, 1.0) == []


# -- late, double, stray -------------------------------------------------------


def test_duplicates_are_counted_and_not_played(window: ReceiveWindow) -> None:
    feed(window, 0, 1)
    assert feed(window, 1) == []
    feed(window, 3)
    assert feed(window, 3) == []
    assert window.stats.duplicate == 2
    assert window.stats.late == 0


def test_a_packet_sent_before_the_first_one_is_late(window: ReceiveWindow) -> None:
    window.push(packet(5), 0.0)
    window.push(packet(4), 0.001)
    assert drain(window, 0.001) == [play(5)]
    assert window.stats.late == 1


def test_a_backlog_far_behind_a_live_stream_is_dropped(window: ReceiveWindow) -> None:
    feed(window, *range(300))
    now = 300 * FRAME_TIME
    for number in range(20):
        window.push(packet(number), now)
        assert drain(window, now) == []
    assert window.stats.jumps == 20
    assert feed(window, 300) == [play(300)]
    assert window.stats.resets == 0


def test_one_stray_sequence_number_does_not_stop_the_stream(window: ReceiveWindow) -> None:
    feed(window, 0, 1)
    window.push(packet(9, sequence=40_000), 2 * FRAME_TIME)
    assert feed(window, 2, 3) == [play(2), play(3)]
    assert window.stats.resets == 0


def test_two_strays_with_the_stream_between_them_are_no_restart(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(packet(8, sequence=5_000), 0.02)
    assert feed(window, 1) == [play(1)]
    window.push(packet(9, sequence=5_001), 0.04)
    assert feed(window, 2) == [play(2)]
    assert (window.stats.resets, window.stats.jumps) == (0, 2)


@pytest.mark.parametrize("first", [5_000, 60_000])
def test_a_jump_that_continues_is_a_restart(window: ReceiveWindow, first: int) -> None:
    feed(window, *range(3))
    for step in range(3):
        now = 0.3 + step * FRAME_TIME
        window.push(packet(100 + step, sequence=first + step, timestamp=step * FRAME + 77), now)
    assert [a for a in drain(window, now) if isinstance(a, Play)] == [
        play(100),
        play(101),
        play(102),
    ]
    assert window.stats.resets == 1


def test_another_ssrc_starts_a_new_time_line_at_once(window: ReceiveWindow) -> None:
    feed(window, 0, 1)
    window.push(packet(7, sequence=31_000, timestamp=12_345, ssrc=2), 0.05)
    assert drain(window, 0.05) == [play(7)]
    assert window.stats.resets == 1


def test_an_empty_packet_keeps_the_sequence(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(empty(1), 0.02)
    assert drain(window, 0.02) == []
    window.push(packet(2, timestamp=FRAME), 0.04)
    assert drain(window, 0.04) == [play(2)]
    assert window.stats.empty == 1


def test_an_undecodable_payload_counts_as_lost_time(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(packet(1, samples=0), 0.02)
    assert feed(window, 2) == [recover(2), play(2)]
    assert window.stats.invalid == 1


def test_memory_is_bounded_when_nobody_pops(window: ReceiveWindow) -> None:
    for number in range(1000):
        window.push(packet(number), 0.0)
        assert window.held <= MAX_STEP + 2
    played = [number_of(a.payload) for a in drain(window, 0.0) if isinstance(a, Play)]
    assert played == list(range(played[0], 1000))
