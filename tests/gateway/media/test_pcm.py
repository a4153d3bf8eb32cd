from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS
from gateway.core.playout import Playout
from gateway.media.leg import Leg, LegState, LegStats
from gateway.media.pcm import MAX_AHEAD, PcmLeg
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop

SECOND = np.random.default_rng(5).integers(-9_000, 9_000, 24_000).astype("<i2").tobytes()


class Client:
    """A session's other half: plays what it gets at once, one chunk behind the other."""

    def __init__(self, loop: VirtualLoop, rate: int = 24_000) -> None:
        self.loop = loop
        self.rate = rate
        self.playout = Playout()
        self.heard: list[str] = []
        self.got: list[bytes] = []
        self.plays: list[tuple[float, float]] = []
        self.most_ahead = 0.0

        async def make() -> PcmLeg:
            return PcmLeg(self.playout, self, rate, self.take)  # type: ignore[arg-type]

        self.leg = loop.run_until_complete(make())

    def on_played(self, items: list[str], drained: bool) -> None:
        self.heard += items

    def take(self, pcm: bytes) -> None:
        self.got.append(pcm)
        start = max(self.loop.time(), self.plays[-1][1] if self.plays else 0.0)
        end = start + len(pcm) / 2 / self.rate
        self.plays.append((start, end))
        self.most_ahead = max(self.most_ahead, end - self.loop.time())

    def played(self) -> float:
        """Seconds played by now."""
        now = self.loop.time()
        return sum(max(0.0, min(now, end) - start) for start, end in self.plays)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def test_it_is_a_leg(loop: VirtualLoop) -> None:
    client = Client(loop)
    leg: Leg = client.leg
    assert leg.state is LegState.DISCONNECTED
    assert not leg.data_open
    leg.send_data("nothing")
    assert leg.stats() == LegStats()


def test_an_answer_goes_out_whole_and_never_more_than_300_ms_ahead(loop: VirtualLoop) -> None:
    client = Client(loop)
    client.leg.switch(True)
    client.playout.push("a", SECOND * 3)
    client.playout.finish("a")
    client.leg.wake()
    loop.advance(0.0)
    assert client.most_ahead > MAX_AHEAD - 2 * FRAME_SECONDS
    loop.advance(2.9)
    assert client.heard == []
    loop.advance(0.2)
    assert client.heard == ["a"]
    assert b"".join(client.got) == SECOND * 3
    assert client.most_ahead <= MAX_AHEAD + 1e-6


def test_switched_off_it_holds_what_is_owed(loop: VirtualLoop) -> None:
    client = Client(loop)
    client.playout.push("a", SECOND)
    client.leg.wake()
    loop.advance(1.0)
    assert client.got == []
    client.leg.switch(True)
    loop.advance(0.1)
    client.leg.switch(False)
    before = len(client.got)
    assert before >= 15
    loop.advance(5.0)
    assert len(client.got) == before
    client.leg.switch(True)
    loop.advance(2.0)
    assert b"".join(client.got) == SECOND


def test_a_closed_leg_is_closed_for_good(loop: VirtualLoop) -> None:
    client = Client(loop)
    client.leg.switch(True)
    client.playout.push("a", SECOND)
    client.leg.wake()
    for _ in range(2):
        loop.run_until_complete(client.leg.close())
    client.leg.switch(True)
    client.leg.wake()
    assert client.leg.state is LegState.CLOSED
    assert len(client.got) == 14
    assert loop.pending_timers() == 0


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_it_speaks_at_the_rate_of_its_client(loop: VirtualLoop, rate: int) -> None:
    client = Client(loop, rate)
    client.leg.switch(True)
    client.playout.push("a", SECOND)
    client.playout.finish("a")
    client.leg.wake()
    loop.advance(2.0)
    assert abs(sum(map(len, client.got)) / 2 / rate - 1.0) < 0.005


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.integers(1, 3 * FRAME_SAMPLES), min_size=1, max_size=30),
    st.lists(st.floats(0.0, 0.4), min_size=1, max_size=30),
    st.floats(0.0, 2.0),
    st.floats(0.0, 0.05),
)
def test_a_cut_is_within_20_ms_of_what_a_client_played(
    sizes: list[int], pauses: list[float], wait: float, late: float
) -> None:
    with virtual_loop() as loop:
        client = Client(loop)
        client.leg.switch(True)
        for size, pause in zip(sizes, pauses, strict=False):
            client.playout.push("a", b"\1\0" * size)
            client.leg.wake()
            loop.advance(pause, late=late)
        loop.advance(wait, late=late)
        (cut,) = client.playout.interrupt(loop.time())
        assert abs(cut.heard_samples / 24_000 - client.played()) <= 0.020
        assert client.most_ahead <= MAX_AHEAD + 1e-6
        loop.run_until_complete(client.leg.close())
