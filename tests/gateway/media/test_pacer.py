from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.media.pacer import GRID, HANGOVER_FRAMES, MAX_LAG, SILENCE, Pacer
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop

TONE = b"\1\0" * FRAME_SAMPLES


class Sent:
    """A leg that keeps what was sent and when."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.frames: list[tuple[float, bytes, int, bool]] = []
        self.played: list[tuple[list[str], bool]] = []
        self.playout = Playout()

        async def make() -> Pacer:
            return Pacer(self.playout, self._send, lambda *what: self.played.append(what))

        self.pacer = loop.run_until_complete(make())

    def _send(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        self.frames.append((self.loop.time(), pcm, skipped, talkspurt))

    def voiced(self) -> list[tuple[float, bytes, int, bool]]:
        return [frame for frame in self.frames if frame[1] != SILENCE]


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def test_the_first_frame_leaves_at_once_and_the_rest_every_20_ms(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 5)
    sent.playout.finish("a")
    sent.pacer.wake()
    assert len(sent.frames) == 1
    loop.advance(1.0)
    times = [time for time, *_ in sent.voiced()]
    assert times == pytest.approx([0.0, 0.02, 0.04, 0.06, 0.08])


def test_lateness_does_not_add_up(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 100)
    sent.pacer.wake()
    loop.advance(2.0, late=0.015)
    times = [time for time, *_ in sent.voiced()]
    assert times[-1] == pytest.approx(99 * FRAME_SECONDS + 0.015)


def test_silence_is_sent_for_a_moment_after_speech_and_then_nothing(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE)
    sent.playout.finish("a")
    sent.pacer.wake()
    loop.advance(5.0)
    assert len(sent.frames) == 1 + HANGOVER_FRAMES
    assert sent.played[0] == (["a"], True)


def test_time_passed_in_silence_is_told_to_the_next_talkspurt(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    for name in ("a", "b"):
        sent.playout.push(name, TONE)
        sent.playout.finish(name)
        sent.pacer.wake()
        loop.advance(1.0)
    _, _, skipped, talkspurt = sent.voiced()[1]
    assert talkspurt
    silent = 1.0 - (1 + HANGOVER_FRAMES) * FRAME_SECONDS
    assert skipped == pytest.approx(silent * SAMPLE_RATE, abs=1)
    total = sum(FRAME_SAMPLES + skipped for _, _, skipped, _ in sent.frames[: 2 + HANGOVER_FRAMES])
    assert total == pytest.approx((1.0 + FRAME_SECONDS) * SAMPLE_RATE, abs=1)


def test_only_the_first_frame_of_a_talkspurt_is_marked(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 3)
    sent.pacer.wake()
    loop.advance(0.1)
    sent.playout.push("a", TONE * 2)
    sent.pacer.wake()
    loop.advance(0.1)
    assert [talkspurt for *_, talkspurt in sent.voiced()] == [True, False, False, True, False]


def test_an_interrupt_silences_the_next_frame(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 50)
    sent.pacer.wake()
    loop.advance(0.1)
    before = len(sent.voiced())
    sent.playout.interrupt()
    loop.advance(0.5)
    assert len(sent.voiced()) == before
    assert sent.frames[before][1] == SILENCE


def test_after_a_stall_frames_are_not_sent_in_a_burst(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 50)
    sent.pacer.wake()
    loop.advance(0.1)
    before = len(sent.frames)
    loop.ahead += 1.0
    loop.advance(0.1)
    burst = sent.frames[before:]
    assert len(burst) <= 6
    assert sum(skipped for _, _, skipped, _ in burst) == pytest.approx(SAMPLE_RATE, rel=0.05)


def test_a_paused_pacer_holds_what_is_owed_and_goes_on_with_the_next_frame(
    loop: VirtualLoop,
) -> None:
    sent = Sent(loop)
    for n in range(50):
        sent.playout.push("a", bytes([n, 1]) * FRAME_SAMPLES)
    sent.pacer.wake()
    loop.advance(0.1)
    before = len(sent.frames)
    sent.pacer.pause()
    sent.pacer.pause()
    loop.advance(10.0)
    assert len(sent.frames) == before
    assert loop.pending_timers() == 0
    sent.pacer.wake()
    loop.advance(2.0)
    assert [frame[0] for _, frame, _, _ in sent.voiced()] == list(range(50))
    _, _, skipped, talkspurt = sent.frames[before]
    assert talkspurt
    assert skipped == pytest.approx((10.0 - FRAME_SECONDS) * SAMPLE_RATE, abs=FRAME_SAMPLES)


def test_a_pacer_paused_at_rest_stays_there(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.pacer.pause()
    sent.pacer.wake()
    assert sent.frames == []
    sent.playout.push("a", TONE)
    sent.pacer.wake()
    assert [talkspurt for *_, talkspurt in sent.frames] == [True]


def test_a_closed_pacer_sends_nothing(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    sent.playout.push("a", TONE * 50)
    sent.pacer.wake()
    sent.pacer.close()
    sent.pacer.wake()
    loop.advance(1.0)
    assert len(sent.frames) == 1


def test_time_given_up_is_not_lost_when_the_talkspurt_is_over(loop: VirtualLoop) -> None:
    sent = Sent(loop)
    for name in ("a", "b"):
        sent.playout.push(name, TONE)
        sent.playout.finish(name)
        sent.pacer.wake()
        loop.advance((1 + HANGOVER_FRAMES) * FRAME_SECONDS - 0.001)
        loop.ahead += 2 * MAX_LAG  # the process stands still over the end of the hang-over
        loop.advance(0.5)
    first, second = (time for time, *_ in sent.voiced())
    since_first = sum(
        FRAME_SAMPLES + skipped for _, _, skipped, _ in sent.frames[1 : 2 + HANGOVER_FRAMES]
    )
    off = since_first / SAMPLE_RATE - (second - first)
    assert abs(off) <= GRID / 2 + 1 / SAMPLE_RATE


def test_deadlines_of_all_calls_fall_together_and_never_drift(loop: VirtualLoop) -> None:
    calls = [Sent(loop) for _ in range(7)]
    for call in calls:
        call.playout.push("a", TONE * 500)
        call.pacer.wake()
        loop.advance(0.0031)
    loop.advance(11.0)
    for call in calls:
        first, *later = [time for time, *_ in call.voiced()]
        assert len(later) == 499
        for number, time in enumerate(later, 1):
            assert time - first == pytest.approx(number * FRAME_SECONDS, abs=GRID / 2 + 1e-6)
    moments = {round(time / GRID, 3) for call in calls for time, *_ in call.voiced()[1:]}
    assert all(moment == round(moment) for moment in moments)


def test_a_pacer_closed_while_it_sends_starts_no_timer(loop: VirtualLoop) -> None:
    sent = Sent(loop)

    async def make() -> Pacer:
        return Pacer(sent.playout, lambda *frame: pacer.close(), lambda *what: None)

    pacer = loop.run_until_complete(make())
    sent.playout.push("a", TONE)
    sent.playout.finish("a")
    pacer.wake()
    assert loop.pending_timers() == 0


# -- a receiver that buffers


def leading(loop: VirtualLoop, seconds: float) -> Sent:
    sent = Sent(loop)

    async def make() -> Pacer:
        return Pacer(sent.playout, sent._send, lambda *what: sent.played.append(what), seconds)

    sent.pacer = loop.run_until_complete(make())
    return sent


def test_a_receiver_that_buffers_is_kept_the_lead_ahead_and_no_more(loop: VirtualLoop) -> None:
    sent = leading(loop, 0.2)
    sent.playout.push("a", TONE * 100)
    sent.pacer.wake()
    loop.advance(0.0)
    assert len(sent.frames) in (10, 11)
    loop.advance(2.5)
    assert len(sent.frames) == 100
    for number, (time, _, skipped, talkspurt) in enumerate(sent.frames):
        assert number * FRAME_SECONDS - time <= 0.2 + GRID
        assert skipped == 0
        assert talkspurt == (number == 0)


def test_what_it_has_is_heard_when_it_is_played_and_nothing_runs_after_that(
    loop: VirtualLoop,
) -> None:
    sent = leading(loop, 0.2)
    sent.playout.push("a", TONE * 5)
    sent.playout.finish("a")
    sent.pacer.wake()
    loop.advance(0.099)
    assert len(sent.frames) == 5
    assert not any(completed for completed, _ in sent.played)
    loop.advance(0.002)
    assert sent.played[-1] == (["a"], True)
    assert loop.pending_timers() == 0


def test_a_talkspurt_that_goes_on_in_time_joins_what_the_receiver_has(loop: VirtualLoop) -> None:
    sent = leading(loop, 0.2)
    sent.playout.push("a", TONE * 5)
    sent.pacer.wake()
    loop.advance(0.05)
    sent.playout.push("a", TONE * 5)
    sent.pacer.wake()
    loop.advance(0.0)
    assert sent.playout.busy_until == pytest.approx(10 * FRAME_SECONDS)


def test_after_a_cut_the_next_answer_begins_at_once(loop: VirtualLoop) -> None:
    sent = leading(loop, 0.2)
    sent.playout.push("a", TONE * 50)
    sent.pacer.wake()
    loop.advance(0.1)
    (cut,) = sent.playout.interrupt(loop.time())
    assert cut.heard_ms == 100
    before = len(sent.frames)
    sent.playout.push("b", TONE * 50)
    sent.pacer.wake()
    loop.advance(FRAME_SECONDS)
    assert len(sent.frames) - before >= 10
    assert sent.playout.busy_until - loop.time() <= 0.2 + FRAME_SECONDS + GRID


def test_a_stall_longer_than_the_lead_is_a_gap_at_the_receiver(loop: VirtualLoop) -> None:
    sent = leading(loop, 0.2)
    sent.playout.push("a", TONE * 100)
    sent.pacer.wake()
    loop.advance(0.1)
    loop.ahead += 1.0
    loop.advance(0.0)
    assert 0 < sent.playout.busy_until - loop.time() <= 0.2 + FRAME_SECONDS + GRID
