"""The receive window behind any network, and under any packets."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.jitter import (
    MAX_STEP,
    Action,
    Play,
    ReceiveWindow,
)
from gateway.core.red import unpack
from gateway.core.rtp import RtpPacket
from tests.gateway.core.talk import (
    FRAME,
    FRAME_TIME,
    REORDERING_CEILING,
    REORDERING_FLOOR,
    drain,
    duration_of,
    number_of,
    packet,
    red,
    run_until,
)
from tests.net import VirtualNetwork


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


def test_one_copy_of_each_packet_mends_nearly_every_loss() -> None:
    """At 10 % loss a packet and its copy are both lost once in a hundred times."""
    network: VirtualNetwork[RtpPacket] = VirtualNetwork(5, loss=0.1)
    window = ReceiveWindow(duration_of)
    sent = [packet(n) for n in range(5_000)]
    for before, newest in pairwise(sent):
        network.send(red(newest, before), newest.sequence * FRAME_TIME)
    played: dict[int, float] = {}
    arrived: dict[int, float] = {}
    for now, received in network.deliver(float("inf")):
        for at, action in run_until(window, now):
            if isinstance(action, Play):
                played[number_of(action.payload)] = at
        newest, copies = unpack(received, 111)
        arrived[newest.sequence] = now
        window.push(newest, now)
        for copy in copies:
            window.push_copy(copy, now)
            arrived.setdefault(copy.sequence, now)
        for action in drain(window, now):
            if isinstance(action, Play):
                played[number_of(action.payload)] = now
    stats = window.stats
    assert len(played) >= 0.985 * len(sent)
    assert stats.redundant > 8 * stats.lost > 0
    assert stats.late == stats.duplicate == stats.reordered == 0
    waits = [played[n] - arrived[n] for n in played]
    assert sum(wait == 0 for wait in waits) >= 0.97 * len(waits)


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
@given(
    st.lists(
        st.tuples(arbitrary_packets, st.booleans(), st.floats(0, 0.3), st.booleans()), max_size=60
    )
)
def test_no_packet_whatever_raises_or_fills_memory(
    steps: list[tuple[RtpPacket, bool, float, bool]],
) -> None:
    window = ReceiveWindow(duration_of)
    now = 0.0
    for received, is_copy, pause, pops in steps:
        now += pause
        (window.push_copy if is_copy else window.push)(received, now)
        if pops:
            assert all(action.samples > 0 for action in drain(window, now))
            deadline = window.deadline
            assert deadline is None or deadline > now
        assert window.held <= MAX_STEP + 2
