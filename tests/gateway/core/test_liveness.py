from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.liveness import (
    ASK_AFTER,
    GONE_AFTER,
    LISTENING_TURN,
    SILENT_AFTER,
    SILENT_AFTER_BYE,
    PeerWatch,
    Presence,
)

NOTICED_WITHIN = 6.0
"""Seconds, of which the event loop may be late by some."""


def turns_until(presence: Presence, watch: PeerWatch, **circumstances: bool) -> int:
    """Turns of silence until ``presence``; the watch has looked once after the last sign."""
    for turn in range(1, 10 * GONE_AFTER):
        if watch.turn("last", restarting=False, **circumstances) is presence:
            return turn
    raise AssertionError(f"never {presence}")


@pytest.fixture
def watch() -> PeerWatch:
    watch = PeerWatch()
    assert watch.turn("last", restarting=False) is Presence.HEARD
    return watch


def test_a_vanished_peer_is_noticed_in_time_and_given_up_much_later(watch: PeerWatch) -> None:
    silent = turns_until(Presence.SILENT, watch)
    # The last sign came up to a turn before the watch saw it.
    assert (silent + 1) * LISTENING_TURN <= NOTICED_WITHIN - 0.5
    gone = silent + turns_until(Presence.GONE, watch)
    assert 15.0 <= gone * LISTENING_TURN <= 20.0


def test_a_silent_peer_is_asked_again_and_again_before_it_is_called_so(watch: PeerWatch) -> None:
    asked = 0
    while watch.turn("last", restarting=False) is Presence.HEARD:
        asked += watch.should_ask
    assert asked == SILENT_AFTER - ASK_AFTER


@given(st.lists(st.integers(0, SILENT_AFTER - 1), max_size=100))
def test_a_peer_that_is_heard_now_and_then_is_there(pauses: list[int]) -> None:
    watch = PeerWatch()
    for sign, pause in enumerate(pauses):
        for _ in range(1 + pause):
            assert watch.turn(sign, restarting=False) is Presence.HEARD


def test_one_sign_brings_a_silent_peer_back(watch: PeerWatch) -> None:
    turns_until(Presence.SILENT, watch)
    assert watch.turn("new", restarting=False) is Presence.HEARD
    assert not watch.should_ask
    watch.turn("last", restarting=False)
    assert turns_until(Presence.SILENT, watch) == SILENT_AFTER


def test_no_peer_is_gone_while_a_restart_may_bring_it_back(watch: PeerWatch) -> None:
    for turn in range(1, 10 * GONE_AFTER):
        silent = watch.turn("last", restarting=True) is Presence.SILENT
        assert silent == (turn >= SILENT_AFTER)
    assert turns_until(Presence.GONE, watch) == GONE_AFTER - SILENT_AFTER


def test_without_consent_nothing_waits(watch: PeerWatch) -> None:
    assert turns_until(Presence.SILENT, watch, consents=False) == 1
    assert turns_until(Presence.GONE, watch, consents=False) == GONE_AFTER - SILENT_AFTER


def test_silence_after_a_bye_says_more(watch: PeerWatch) -> None:
    assert turns_until(Presence.SILENT, watch, said_bye=True) == SILENT_AFTER_BYE
    assert watch.turn("a check", said_bye=True, restarting=False) is Presence.HEARD
