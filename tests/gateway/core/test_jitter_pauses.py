"""The receive window in pauses: DTX, starvation, stalls, and the time line through them."""

from __future__ import annotations

import pytest

from gateway.core.jitter import (
    Action,
    ReceiveWindow,
    Silence,
)
from tests.gateway.core.talk import (
    CLOCK,
    FRAME,
    FRAME_TIME,
    drain,
    duration_of,
    feed,
    packet,
    play,
    recover,
    run_until,
)


@pytest.fixture
def window() -> ReceiveWindow:
    return ReceiveWindow(duration_of)


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
