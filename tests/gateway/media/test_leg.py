from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from gateway.media import leg
from gateway.media.leg import (
    TRANSITIONS,
    Leg,
    LegEvent,
    LegHandler,
    LegState,
    LegStats,
    diagram,
)
from gateway.media.webrtc import WebRtcLeg
from gateway.session import Session

DOCS = Path(__file__).parents[3] / "docs" / "architecture.md"
_CLOSED = LegState.CLOSED


def test_states_are_w3c_words() -> None:
    assert {state.value for state in LegState} == {
        *("new", "connecting", "connected", "disconnected", "failed", "closed"),
    }


def test_the_end_can_be_reached_from_everywhere_and_nothing_follows_it() -> None:
    assert all((state, LegEvent.CLOSED) in TRANSITIONS for state in LegState if state != _CLOSED)
    assert not any(state is _CLOSED for state, _ in TRANSITIONS)
    assert {what for state, what in TRANSITIONS if state is LegState.FAILED} == {LegEvent.CLOSED}


def test_the_documentation_shows_the_table() -> None:
    assert diagram() in DOCS.read_text()


def test_what_is_not_known_is_none_and_what_was_not_counted_zero() -> None:
    stats = LegStats()
    assert {stats.rtt_ms, stats.jitter_ms, stats.loss_percent, stats.remote_loss_percent} == {None}
    assert (stats.concealed_percent, stats.packets_received, stats.packets_sent) == (0.0, 0, 0)


@pytest.mark.parametrize(
    ("protocol", "implementation"),
    [(Leg, WebRtcLeg), (LegHandler, Session)],
    ids=["leg", "session"],
)
def test_both_sides_keep_to_the_protocol(protocol: type, implementation: type) -> None:
    for name, member in vars(protocol).items():
        if name.startswith("_"):
            continue
        made = getattr(implementation, name)
        assert isinstance(made, property) == isinstance(member, property), name
        if callable(member):
            assert inspect.signature(made) == inspect.signature(member), name


def test_everything_public_is_explained() -> None:
    for kind in (Leg, LegHandler):
        for name, member in vars(kind).items():
            assert name.startswith("_") or member.__doc__, name
    assert leg.__doc__
