"""Socket.IO events as no well-behaved client sends them, and some as they do."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.gateway.core.offers import NAMES, load, spoiled

Event = tuple[str, tuple[Any, ...]]

EVENTS = (
    *("join_session", "webrtc_offer", "ice_candidate", "send_text", "send_audio", "commit_audio"),
    *("clear_audio", "interrupt", "mute", "send_dtmf", "update_session", "disconnect_session"),
)
_KEYS = (
    *("userId", "sessionId", "resumeToken", "agentSet", "instructions", "voice", "language"),
    *("type", "sdp", "candidate", "sdpMid", "audio", "format", "turnDetection", "_placeholder"),
    *("num", "__proto__", ""),
)

_LONG = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=8), st.just(9_000))
_TEXTS = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["ann", "ko-KR", "offer", "pcm16", "wav", "webm", "server_vad", "retail", "1A#", "UklGRg=="]
)
_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**64, -(10**400), 1e308, -0.0])
    | st.floats()
    | _TEXTS
    | st.binary(max_size=2_000)
)
_NESTED = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=9), inner, max_size=5)
    ),
    max_leaves=12,
)


def _deep(depth: int, value: Any) -> Any:
    for level in range(depth):
        value = [value] if level % 2 else {"voice": value}
    return value


def _offer(name: str, number: int, edits: int) -> dict[str, Any]:
    return {"type": "offer", "sdp": spoiled(load(name), number, edits)}


_OFFERS = st.builds(_offer, st.sampled_from(NAMES), st.integers(0, 10**6), st.integers(0, 4))
_ARGUMENTS = st.one_of(
    _NESTED,
    _NESTED,
    st.fixed_dictionaries({}, optional=dict.fromkeys(_KEYS, _PLAIN)),
    st.builds(_deep, st.integers(5, 150), _PLAIN),
    _LONG,
)


def _of(name: str) -> st.SearchStrategy[Event]:
    arguments = st.lists(_ARGUMENTS, max_size=3).map(tuple)
    match name:
        case "webrtc_offer":
            arguments |= _OFFERS.map(lambda offer: (offer,))
        case "join_session":
            arguments |= st.just(({},))
        case "send_audio":
            arguments |= st.binary(max_size=9_600).map(lambda pcm: (pcm, "pcm16"))
    return arguments.map(lambda given: (name, given))


STRANGE = st.sampled_from(EVENTS).flatmap(_of) | st.text(max_size=30).flatmap(_of)


def made(count: int, number: int = 1) -> list[Event]:
    """``count`` of them, the same for the same ``number``."""
    found: list[Event] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRANGE)
    def collect(event: Event) -> None:
        found.append(event)

    collect()
    return found
