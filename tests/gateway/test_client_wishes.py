from __future__ import annotations

from typing import Any

import pytest

from gateway import client_wishes
from gateway.core.control import ALL_RIGHTS
from gateway.media.socket_audio import SocketAudio
from gateway.realtime.client_events import ClientEventError
from gateway.session_passthrough import NOBODY
from gateway.session_settings import SessionSettings

SETTINGS = SessionSettings(NOBODY, "marin", "some-recogniser")
TOOL = {"type": "function", "name": "weather"}


def test_only_what_leaves_agents_who_they_are_changes() -> None:
    detection = {"type": "semantic_vad", "eagerness": "low"}
    session = {
        "instructions": "Be a pirate.",
        "tools": [TOOL],
        "audio": {"input": {"turn_detection": detection}, "output": {"voice": "cedar"}},
    }
    changes = {"voice": "cedar", "turn_detection": detection}
    assert client_wishes.of(session, frozenset(), SETTINGS) == changes
    assert client_wishes.of(session, ALL_RIGHTS, SETTINGS) == {
        **changes,
        "instructions": "Be a pirate.",
        "client_tools": (TOOL,),
    }


def test_turn_detection_where_the_beta_had_it() -> None:
    session: dict[str, Any] = {"turn_detection": None}
    assert client_wishes.of(session, frozenset(), SETTINGS) == {"turn_detection": None}
    session["audio"] = {"input": {"turn_detection": {"type": "semantic_vad"}}}
    changes = client_wishes.of(session, frozenset(), SETTINGS)
    assert changes == {"turn_detection": {"type": "semantic_vad"}}


def test_what_is_in_force_is_no_change() -> None:
    session = {"audio": {"output": {"voice": "marin"}}}
    assert client_wishes.of(session, frozenset(), SETTINGS) == {}


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"audio": []}, "session.audio"),
        ({"audio": {"output": {"voice": 1}}}, "session.audio.output.voice"),
        ({"audio": {"input": {"turn_detection": "x"}}}, "session.audio.input.turn_detection"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "a": []}}}},
            "session.audio.input.turn_detection",
        ),
        ({"tools": {}}, "session.tools"),
        ({"tools": [TOOL, {"type": "mcp"}]}, "session.tools[1]"),
        ({"instructions": "x" * 32_769}, "session.instructions"),
    ],
)
def test_what_cannot_be_is_refused(session: dict[str, Any], param: str) -> None:
    with pytest.raises(ClientEventError) as caught:
        client_wishes.of(session, ALL_RIGHTS, SETTINGS)
    assert caught.value.param == param


def test_formats_are_the_sockets() -> None:
    audio = SocketAudio()
    form = {"format": {"type": "audio/pcmu"}}
    client_wishes.set_formats(audio, {"audio": {"output": form}})
    assert (audio.input, audio.output) == ("audio/pcm", "audio/pcmu")
    with pytest.raises(ClientEventError):
        client_wishes.set_formats(audio, {"audio": {"input": {"format": {"type": "opus"}}}})
