"""The receive window in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.jitter import (
    MAX_STEP,
    Action,
    Conceal,
    Play,
    ReceiveWindow,
    Recover,
    Silence,
)
from gateway.core.rtp import RtpPacket
from tests.net import VirtualNetwork

CLOCK = 48_000
FRAME = 960
"""Samples of a 20 ms packet."""
FRAME_TIME = FRAME / CLOCK
REORDERING_FLOOR = 0.020
REORDERING_CEILING = 0.060


def duration_of(payload: bytes) -> int:
    """The codec of these tests: two bytes of duration, then the packet's number."""
    return int.from_bytes(payload[:2], "big")


def number_of(payload: bytes) -> int:
    return int.from_bytes(payload[2:], "big")


def packet(
    number: int,
    *,
    timestamp: int | None = None,
    sequence: int | None = None,
    samples: int = FRAME,
    ssrc: int = 1,
) -> RtpPacket:
    """Packet ``number`` of a stream of 20 ms packets, unless said otherwise."""
    return RtpPacket(
        payload_type=111,
        marker=False,
        sequence=(number if sequence is None else sequence) & 0xFFFF,
        timestamp=(number * FRAME if timestamp is None else timestamp) & 0xFFFFFFFF,
        ssrc=ssrc,
        payload=samples.to_bytes(2, "big") + number.to_bytes(4, "big"),
    )


def empty(number: int) -> RtpPacket:
    return RtpPacket(111, False, number & 0xFFFF, number * FRAME, 1, b"")


def play(number: int, samples: int = FRAME) -> Play:
    return Play(packet(number, samples=samples).payload, samples)


def recover(following: int, samples: int = FRAME) -> Recover:
    return Recover(packet(following).payload, samples)


def drain(window: ReceiveWindow, now: float) -> list[Action]:
    return list(iter(lambda: window.pop(now), None))


def run_until(window: ReceiveWindow, until: float) -> Iterator[tuple[float, Action]]:
    """Serve the window's deadlines up to ``until``."""
    while (deadline := window.deadline) is not None and deadline <= until:
        for action in drain(window, deadline):
            yield deadline, action


def feed(window: ReceiveWindow, *numbers: int, start: float = 0.0) -> list[Action]:
    """Push packets, each at the time it was sent, without serving deadlines."""
    actions: list[Action] = []
    for number in numbers:
        now = start + number * FRAME_TIME
        window.push(packet(number), now)
        actions += drain(window, now)
    return actions


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


# -- pauses --------------------------------------------------------------------


def test_a_timestamp_step_in_sequence_is_silence(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(packet(1, timestamp=5 * FRAME), 5 * FRAME_TIME)
    assert drain(window, 0.09) == [Silence(4 * FRAME), play(1)]


def test_a_step_no_clock_has_seen_is_a_new_talkspurt(window: ReceiveWindow) -> None:
    feed(window, 0)
    window.push(packet(1, timestamp=CLOCK + 2 * FRAME), 0.02)
    assert drain(window, 0.02) == [play(1)]
    assert window.stats.talkspurts == 1


def test_a_new_time_line_owes_nothing_to_the_old_one(window: ReceiveWindow) -> None:
    feed(window, 0)
    list(run_until(window, 0.2))
    window.push(packet(1, timestamp=9 * CLOCK), 0.2)
    drain(window, 0.2)
    assert window.ahead == 0
    list(run_until(window, 0.4))
    window.push(packet(0, ssrc=2), 0.4)
    drain(window, 0.4)
    assert window.ahead == 0


def test_starvation_emits_silence_at_real_time_rate(window: ReceiveWindow) -> None:
    feed(window, 0)
    emitted = list(run_until(window, 0.201))
    assert [at for at, _ in emitted] == pytest.approx([0.1, 0.12, 0.14, 0.16, 0.18, 0.2])
    assert {action for _, action in emitted} == {Silence(FRAME)}


def test_long_packets_do_not_starve_between_each_other(window: ReceiveWindow) -> None:
    window.push(packet(0, samples=5760), 0.0)
    drain(window, 0.0)
    assert window.deadline == pytest.approx(0.28)


def test_a_pause_the_timestamps_tell_of_is_not_filled_twice(window: ReceiveWindow) -> None:
    feed(window, 0)
    silence = len(list(run_until(window, 0.5)))
    window.push(packet(1, timestamp=25 * FRAME), 0.5)
    assert drain(window, 0.5) == [Silence((24 - silence) * FRAME), play(1)]
    assert window.ahead == 0


def test_a_long_pause_filled_by_starvation_keeps_the_time_line(window: ReceiveWindow) -> None:
    feed(window, 0)
    samples = sum(action.samples for _, action in run_until(window, 10.0))
    window.push(packet(1, timestamp=500 * FRAME), 10.0)
    samples += sum(action.samples for action in drain(window, 10.0))
    assert samples == 500 * FRAME
    assert window.stats.talkspurts == 0


def test_after_a_stall_all_speech_is_played_and_the_next_pause_pays(window: ReceiveWindow) -> None:
    feed(window, 0)
    stalled = [action for _, action in run_until(window, 0.2)]
    assert stalled == [Silence(FRAME)] * 6
    backlog: list[Action] = []
    for number in range(1, 11):
        window.push(packet(number), 0.2)
        backlog += drain(window, 0.2)
    assert backlog == [play(n) for n in range(1, 11)]
    assert window.ahead == 6 * FRAME
    window.push(packet(11, timestamp=20 * FRAME), 0.4)
    assert drain(window, 0.4) == [Silence(3 * FRAME), play(11)]
    assert window.ahead == 0


def test_a_stall_makes_starvation_begin_later(window: ReceiveWindow) -> None:
    feed(window, 0)
    list(run_until(window, 0.18))
    window.push(packet(1), 0.18)
    drain(window, 0.18)
    assert window.deadline == pytest.approx(0.18 + 0.18 * 1.25)


def test_a_sender_whose_clock_stood_still_owes_at_most_a_second(window: ReceiveWindow) -> None:
    feed(window, 0)
    list(run_until(window, 60.0))
    window.push(packet(1), 60.0)
    assert drain(window, 60.0) == [play(1)]
    assert window.ahead == CLOCK


def test_a_loss_during_starvation_fills_only_what_is_left(window: ReceiveWindow) -> None:
    feed(window, 0)
    assert len(list(run_until(window, 0.139))) == 2
    window.push(packet(7), 0.139)
    # Of the lost packets 1 to 6 two are silence already: no sound is left to continue.
    assert drain(window, 0.159) == [Silence(3 * FRAME), recover(7), play(7)]
    assert window.ahead == 0


def test_a_surplus_of_an_old_stall_does_not_cut_speech(window: ReceiveWindow) -> None:
    feed(window, 0)
    list(run_until(window, 0.2))
    for number in range(1, 11):
        window.push(packet(number), 0.2)
    drain(window, 0.2)
    window.push(packet(12), 0.24)
    assert drain(window, 0.3) == [recover(12), play(12)]


def test_a_process_that_stood_still_does_not_owe_silence(window: ReceiveWindow) -> None:
    feed(window, 0)
    assert drain(window, 5.0) == [Silence(FRAME)]
    assert window.deadline == pytest.approx(5.02)


def test_a_timer_a_little_late_catches_up(window: ReceiveWindow) -> None:
    feed(window, 0)
    assert drain(window, 0.15) == [Silence(FRAME)] * 3


def test_reset_ends_starvation_until_the_next_packet(window: ReceiveWindow) -> None:
    feed(window, 0, 2)
    window.reset()
    assert window.deadline is None
    assert window.held == 0
    assert window.pop(10.0) is None
    assert feed(window, 900) == [play(900)]
    assert window.stats.resets == 0


# -- properties ----------------------------------------------------------------


@dataclass
class Run:
    """What one stream became after a network and a window."""

    window: ReceiveWindow
    arrived: dict[int, float] = field(default_factory=dict)
    played: dict[int, float] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    emitted: int = 0

    def take(self, now: float, action: Action) -> None:
        assert action.samples > 0
        self.emitted += action.samples
        if isinstance(action, Play):
            number = number_of(action.payload)
            self.order.append(number)
            self.played[number] = now
            passed = (number + 1 - self.order[0]) * FRAME
            assert self.emitted == passed + self.window.ahead


def simulate(network: VirtualNetwork[RtpPacket], count: int, first: int = 0) -> Run:
    """Send ``count`` 20 ms packets; serve each arrival and each deadline at its moment."""
    run = Run(ReceiveWindow(duration_of))
    for step in range(count):
        network.send(
            packet(step, sequence=first + step, timestamp=(first + step) * FRAME), step * FRAME_TIME
        )
    for now, received in network.deliver(float("inf")):
        for at, action in run_until(run.window, now):
            run.take(at, action)
        run.arrived.setdefault(number_of(received.payload), now)
        run.window.push(received, now)
        for action in drain(run.window, now):
            run.take(now, action)
    return run


networks = st.builds(
    VirtualNetwork[RtpPacket],
    st.integers(0, 2**32),
    loss=st.floats(0, 0.3),
    burst=st.none() | st.floats(1.5, 5),
    jitter_ms=st.floats(0, 30),
    reorder=st.floats(0, 0.3),
    reorder_ms=st.floats(0, 100),
    duplicate=st.floats(0, 0.2),
    delay_ms=st.floats(0, 300),
    drift_ppm=st.floats(-500, 500),
)


@settings(max_examples=60, deadline=None)
@given(networks, st.sampled_from([0, 65_400]))
def test_any_network_leaves_order_time_line_and_delay_intact(
    network: VirtualNetwork[RtpPacket], first: int
) -> None:
    run = simulate(network, 250, first)
    assert all(a < b for a, b in pairwise(run.order)), "out of order"
    for number, at in run.played.items():
        assert at - run.arrived[number] <= REORDERING_CEILING + 1e-9
    stats = run.window.stats
    assert stats.received == network.stats.delivered
    assert stats.received == (
        len(run.played) + stats.late + stats.duplicate + stats.jumps + run.window.held
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.01, 0.3), st.none() | st.floats(1.5, 5))
def test_the_delay_is_zero_whenever_nothing_is_missing(
    seed: int, loss: float, burst: float | None
) -> None:
    run = simulate(VirtualNetwork(seed, loss=loss, burst=burst), 250)
    order = sorted(run.arrived)
    for before, number in pairwise(order):
        follows = number == before + 1 and before in run.played
        if follows and run.played[before] == run.arrived[before]:
            assert run.played[number] == run.arrived[number]
        elif number in run.played:
            assert run.played[number] <= run.arrived[number] + REORDERING_FLOOR + 1e-9


def test_ten_percent_loss_keeps_the_whole_time_line() -> None:
    run = simulate(VirtualNetwork(4, loss=0.1), 5_000)
    assert run.emitted == (run.order[-1] + 1 - run.order[0]) * FRAME
    assert run.window.stats.silence_samples == 0
    delays = sorted(run.played[n] - run.arrived[n] for n in run.played)
    assert delays[len(delays) // 2] == 0.0


def test_reordering_within_the_wait_loses_nothing() -> None:
    run = simulate(VirtualNetwork(4, reorder=0.1, reorder_ms=19), 2_000)
    assert run.order == list(range(2_000))
    assert run.window.stats.lost == 0


def test_a_window_learns_the_reordering_of_its_path() -> None:
    run = simulate(VirtualNetwork(4, reorder=0.1, reorder_ms=55), 5_000)
    assert run.window.stats.late < 0.1 * run.window.stats.reordered


arbitrary_packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 5)
    | st.integers(65_530, 65_535)
    | st.integers(0, 120)
    | st.integers(0, 65_535),
    timestamp=st.integers(0, 10 * FRAME) | st.integers(0, 2**32 - 1),
    ssrc=st.integers(1, 2),
    payload=st.just(b"") | st.binary(min_size=1, max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(arbitrary_packets, st.floats(0, 0.3), st.booleans()), max_size=60))
def test_no_packet_whatever_raises_or_fills_memory(
    steps: list[tuple[RtpPacket, float, bool]],
) -> None:
    window = ReceiveWindow(duration_of)
    now = 0.0
    for received, pause, pops in steps:
        now += pause
        window.push(received, now)
        if pops:
            assert all(action.samples > 0 for action in drain(window, now))
            deadline = window.deadline
            assert deadline is None or deadline > now
        assert window.held <= MAX_STEP + 2
