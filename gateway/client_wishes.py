"""What a client may change of a session that agents run, of all that its ``session.update`` says.

OpenAI's own clients send a whole session when they connect, and expect to be told what is in force;
what is the agents' is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Final

from gateway.core.control import Right
from gateway.media.socket_audio import SocketAudio
from gateway.realtime.client_events import ClientEventError
from gateway.session_settings import SessionSettings

HARMLESS_OF_RESPONSE: Final = frozenset({"max_output_tokens", "metadata", "output_modalities"})
"""Fields of ``response.create`` that leave the agents who they are."""

MAX_TEXT: Final = 256
MAX_INSTRUCTIONS: Final = 32_768
MAX_TOOLS: Final = 128
_MAX_DETECTION_FIELDS: Final = 16
_DETECTIONS: Final = ("server_vad", "semantic_vad")


def of(session: Mapping[str, Any], rights: Set[Right], settings: SessionSettings) -> dict[str, Any]:
    """Fields of :class:`SessionSettings` that change.

    :raises ClientEventError: a value cannot be what it should be.
    """
    audio = _object(session, "audio", "session")
    heard = _object(audio, "input", "session.audio")
    spoken = _object(audio, "output", "session.audio")
    words = _object(heard, "transcription", "session.audio.input")
    asked: dict[str, Any] = {
        "voice": _text(spoken, "voice", "session.audio.output", MAX_TEXT),
        "language": _text(words, "language", "session.audio.input.transcription", MAX_TEXT),
    }
    if Right.INSTRUCTIONS in rights:
        asked["instructions"] = _text(session, "instructions", "session", MAX_INSTRUCTIONS)
    if Right.TOOLS in rights and session.get("tools") is not None:
        asked["client_tools"] = _tools(session["tools"])
    changes = {name: value for name, value in asked.items() if value is not None}
    # At the top it stood in the protocol's beta, and programs that anyone can copy have it there.
    holder = heard if "turn_detection" in heard else session
    if "turn_detection" in holder:
        changes["turn_detection"] = _detection(holder["turn_detection"])
    return {name: v for name, v in changes.items() if getattr(settings, name) != v}


def set_formats(audio: SocketAudio, session: Mapping[str, Any]) -> None:
    """The formats that a client wants to send and get.

    :raises ClientEventError: there is no such format.
    """
    sides = _object(session, "audio", "session")
    names: dict[str, str | None] = {}
    for way in ("input", "output"):
        form = _object(_object(sides, way, "session.audio"), "format", f"session.audio.{way}")
        names[way] = _text(form, "type", f"session.audio.{way}.format", MAX_TEXT)
    try:
        audio.configure(heard=names["input"], spoken=names["output"])
    except ValueError as error:
        raise ClientEventError("invalid_value", f"{error}.", "session.audio") from None


def _object(fields: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _invalid(f"{path}.{name}", "expected an object")
    return value


def _text(fields: Mapping[str, Any], name: str, path: str, limit: int) -> str | None:
    value = fields.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= limit):
        raise _invalid(f"{path}.{name}", f"expected a string of {limit} characters at most")
    return value or None


def _detection(value: Any) -> dict[str, Any] | None:
    path = "session.audio.input.turn_detection"
    if value is None:
        return None
    if not isinstance(value, Mapping) or value.get("type") not in _DETECTIONS:
        raise _invalid(path, f"expected null, or one of {', '.join(_DETECTIONS)}")
    if len(value) > _MAX_DETECTION_FIELDS or not all(map(_is_plain, value.values())):
        raise _invalid(path, "expected plain values")
    return dict(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return isinstance(value, int | float | None)


def _tools(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise _invalid("session.tools", f"expected a list of {MAX_TOOLS} tools at most")
    for index, tool in enumerate(value):
        match tool:
            case {"type": "function", "name": str()}:
                pass
            case _:
                raise _invalid(f"session.tools[{index}]", "expected a function with a name")
    return tuple(value)


def _invalid(param: str, expected: str) -> ClientEventError:
    return ClientEventError("invalid_value", f"Invalid '{param}': {expected}.", param)
