"""The session that an application asks for: a session object of the Realtime protocol, and what is
this gateway's own in it. The flat fields of the beta protocol are taken too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.events import ErrorCode, GatewayError
from signaling.events import (
    MAX_INSTRUCTIONS,
    MAX_NAME,
    TURN_DETECTION_TYPES,
    bad_request,
    mapping,
    text_field,
)

CONTROLS: Final = ("agents", "passthrough")
"""Who runs the call: the gateway's agents, or the client with the model's own means."""

MAX_TOOLS: Final = 128
MAX_DEPTH: Final = 24
"""Objects and lists within each other."""

_AUDIO_FORMATS: Final = ("audio/pcm", "audio/pcmu", "audio/pcma")

_BETA_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "modalities": ("output_modalities",),
    "max_response_output_tokens": ("max_output_tokens",),
}
"""Where the GA protocol has what the beta had at the top."""

_BETA_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}

_NOT_OF_THE_SESSION: Final = frozenset(
    {"agentSet", "control", "client_secret", "temperature", "id", "object", "expires_at"}
)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What one session is to be; what it does not say is the gateway's default.

    :ivar session: the GA session object as it was asked for: JSON, its known fields checked.
    :ivar control: one of :data:`CONTROLS`.
    """

    session: Mapping[str, Any] = field(default_factory=dict)
    agent_set: str | None = None
    control: str | None = None

    @classmethod
    def parse(cls, data: object) -> SessionConfig:
        """:raises GatewayError: ``bad_request`` or ``too_large``."""
        fields = mapping("session", {} if data is None else data)
        _require_plain(fields, MAX_DEPTH)
        if fields.get("type", "realtime") != "realtime":
            raise bad_request("session.type must be realtime")
        control = text_field(fields, "control", MAX_NAME)
        if control is not None and control not in CONTROLS:
            raise bad_request(f"control must be one of {', '.join(CONTROLS)}")
        session = _as_ga(fields)
        _check(session)
        return cls(session, text_field(fields, "agentSet", MAX_NAME), control)

    @property
    def model(self) -> str | None:
        return self.session.get("model")

    @property
    def instructions(self) -> str | None:
        return self.session.get("instructions")

    @property
    def voice(self) -> str | None:
        voice = self._audio("output").get("voice")
        return voice if isinstance(voice, str) else None

    def _audio(self, way: str) -> Mapping[str, Any]:
        audio: Mapping[str, Any] = self.session.get("audio") or {}
        return audio.get(way) or {}

    def settings(self) -> dict[str, Any]:
        """Fields of :class:`~gateway.session_settings.SessionSettings` that it asks for."""
        heard = self._audio("input")
        words = heard.get("transcription") or {}
        asked: dict[str, Any] = {
            "instructions": self.instructions,
            "voice": self.voice,
            "transcription_model": words.get("model"),
            "language": words.get("language"),
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        if "turn_detection" in heard:
            asked["turn_detection"] = heard["turn_detection"]
        return asked

    def encode(self) -> str:
        """As JSON, which :meth:`decode` reads back."""
        kept = {"session": self.session, "agent_set": self.agent_set, "control": self.control}
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def decode(cls, text: str) -> SessionConfig:
        return cls(**json.loads(text))


def beta_fields(session: Mapping[str, Any]) -> dict[str, Any]:
    """What the beta protocol had at the top of a session, of a GA session object."""
    found: dict[str, Any] = {}
    for name, path in _BETA_FIELDS.items():
        value: Any = session
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    if "audio" in found.get("modalities", ()):
        found["modalities"] = ["audio", "text"]
    spelled = {form["type"]: beta for beta, form in _BETA_FORMATS.items()}
    for name in ("input_audio_format", "output_audio_format"):
        if name in found:
            found[name] = spelled[found[name]["type"]]
    return found


def _as_ga(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A session object without the beta's names; where both are given, the GA's hold."""
    left_out = _NOT_OF_THE_SESSION | _BETA_FIELDS.keys()
    session = {name: value for name, value in fields.items() if name not in left_out}
    for name, path in _BETA_FIELDS.items():
        if name in fields:
            _put(session, path, _ga_value(name, fields[name]))
    return session


def _put(session: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    at = session
    for step in path[:-1]:
        # Copied: what a caller handed in stays as it was.
        at[step] = at = dict(mapping(f"session.{step}", at.get(step) or {}))
    at.setdefault(path[-1], value)


def _ga_value(name: str, value: object) -> object:
    if name.endswith("_format") and isinstance(value, str):
        if value not in _BETA_FORMATS:
            raise bad_request(f"{name} must be one of {', '.join(_BETA_FORMATS)}")
        return dict(_BETA_FORMATS[value])
    if name == "modalities" and isinstance(value, list):
        return ["audio"] if "audio" in value else value
    return value


def _check(session: Mapping[str, Any]) -> None:
    text_field(session, "model", MAX_NAME)
    text_field(session, "instructions", MAX_INSTRUCTIONS)
    if session.get("output_modalities", ["audio"]) not in (["audio"], ["text"]):
        raise bad_request('session.output_modalities must be ["audio"] or ["text"]')
    audio = _object(session, "audio", "session.audio")
    output = _object(audio, "output", "session.audio.output")
    heard = _object(audio, "input", "session.audio.input")
    if not isinstance(output.get("voice"), Mapping):
        text_field(output, "voice", MAX_NAME)
    for way, described in (("input", heard), ("output", output)):
        form = _object(described, "format", f"session.audio.{way}.format")
        if "format" in described and form.get("type") not in _AUDIO_FORMATS:
            raise bad_request(
                f"session.audio.{way}.format.type must be one of {', '.join(_AUDIO_FORMATS)}"
            )
    words = _object(heard, "transcription", "session.audio.input.transcription")
    text_field(words, "model", MAX_NAME)
    text_field(words, "language", MAX_NAME)
    detection = _object(heard, "turn_detection", "session.audio.input.turn_detection")
    if detection and detection.get("type") not in TURN_DETECTION_TYPES:
        raise bad_request(
            "session.audio.input.turn_detection must be null, or its type one of "
            + ", ".join(TURN_DETECTION_TYPES)
        )
    _check_tools(session.get("tools"))


def _check_tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise bad_request("session.tools must be a list of objects")
    if len(tools) > MAX_TOOLS:
        raise GatewayError(ErrorCode.TOO_LARGE, f"session.tools may have {MAX_TOOLS} tools")
    for tool in tools:
        if tool.get("type") not in ("function", "mcp"):
            raise bad_request("the type of a tool must be function or mcp")
        if tool["type"] == "function" and text_field(tool, "name", MAX_NAME) is None:
            raise bad_request("a function needs a name")


def _object(fields: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = fields.get(name)
    return mapping(path, {} if value is None else value)


def _require_plain(value: object, depth: int) -> None:
    """Text that is Unicode, and not too deep: JSON can spell half of a surrogate pair."""
    if depth < 0:
        raise bad_request("session has objects too deep within each other")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise bad_request("session has text that is not valid Unicode") from None
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _require_plain(name, depth)
            _require_plain(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _require_plain(item, depth - 1)
