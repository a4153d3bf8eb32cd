"""A session's settings: the ``session`` object of the Realtime GA protocol, with its defaults.

What the demonstration agent cannot act on (most tools, tracing, noise reduction, a voice's name, …)
is accepted where it is well formed and given back in ``session.updated``, so that clients written
for OpenAI run unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.local_model.audio import AudioFormat
from gateway.local_model.vad import VadSettings


class _Settings(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, frozen=True
    )


class PcmFormat(_Settings):
    """16-bit little-endian PCM; 24 kHz is the only rate there is."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class PcmuFormat(_Settings):
    """G.711 µ-law at 8 kHz."""

    type: Literal["audio/pcmu"]


class PcmaFormat(_Settings):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"]


AnyAudioFormat = Annotated[PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type")]


class CustomVoice(_Settings):
    """A voice of the customer's own at OpenAI."""

    id: str


VoiceName = Annotated[str, Field(min_length=1, max_length=100)] | CustomVoice


class Transcription(_Settings):
    """Switches transcripts of the caller on; the fields choose nothing here (English only)."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    delay: str | None = None
    keywords: list[str] | None = None


class NoiseReduction(_Settings):
    """Accepted, not applied."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class ServerVad(_Settings):
    """Turns by voice activity; durations in ms."""

    type: Literal["server_vad"]
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    prefix_padding_ms: int = Field(default=300, ge=0, le=5_000)
    silence_duration_ms: int = Field(default=500, ge=0, le=10_000)
    idle_timeout_ms: int | None = Field(default=None, ge=5_000, le=30_000)
    create_response: bool = True
    interrupt_response: bool = True
    model_version: str | None = Field(default=None, exclude=True)

    @property
    def vad(self) -> VadSettings:
        """What the detector needs of it."""
        return VadSettings(self.threshold, self.prefix_padding_ms, self.silence_duration_ms)


_EAGERNESS_SILENCE_MS = {"low": 1_000, "medium": 500, "auto": 500, "high": 300}


class SemanticVad(_Settings):
    """Turns by meaning, here imitated by voice activity with a hang-over for each eagerness."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    model_version: str | None = Field(default=None, exclude=True)

    @property
    def idle_timeout_ms(self) -> None:
        """Only `ServerVad` has one."""
        return None

    @property
    def vad(self) -> VadSettings:
        """What the detector needs of it."""
        return VadSettings(silence_duration_ms=_EAGERNESS_SILENCE_MS[self.eagerness])


class AudioInput(_Settings):
    """The caller's side."""

    format: AnyAudioFormat = PcmFormat(type="audio/pcm")
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: Annotated[ServerVad | SemanticVad, Field(discriminator="type")] | None = (
        ServerVad(type="server_vad")
    )


class AudioOutput(_Settings):
    """The agent's side; there is one voice, whatever its name."""

    format: AnyAudioFormat = PcmFormat(type="audio/pcm")
    voice: VoiceName = "marin"
    speed: float = Field(default=1.0, ge=0.25, le=1.5)


class Audio(_Settings):
    """Both sides."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class SessionSettings(_Settings):
    """The whole ``session`` object; immutable, see `updated`."""

    type: Literal["realtime"] = "realtime"
    model: str = "talkpath-demo"
    output_modalities: Annotated[
        list[Literal["text", "audio"]], Field(min_length=1, max_length=1)
    ] = ["audio"]
    instructions: str = Field(default="", max_length=200_000)
    audio: Audio = Audio()
    tools: list[dict[str, Any]] = Field(default=[], max_length=128)
    tool_choice: str | dict[str, Any] = "auto"
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | Literal["inf"] = "inf"
    truncation: str | dict[str, Any] = "auto"
    tracing: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    include: list[str] | None = None

    @property
    def input_format(self) -> AudioFormat:
        """What the client appends."""
        return AudioFormat(self.audio.input.format.type)

    @property
    def output_format(self) -> AudioFormat:
        """What the client is sent."""
        return AudioFormat(self.audio.output.format.type)

    def updated(self, change: Mapping[str, Any]) -> SessionSettings:
        """These settings with the fields present in ``change`` replaced.

        Raises pydantic's ValidationError, located from the ``session`` object on.
        """
        merged = self.model_dump(exclude={"audio"})
        merged.update(change)
        if "audio" in change:
            merged["audio"] = _merged(self.audio.model_dump(), change["audio"])
        else:
            merged["audio"] = self.audio
        return SessionSettings.model_validate(merged)


def _merged(current: Any, change: Any) -> Any:
    """``change`` over ``current``, object by object; an object of another ``type`` replaces."""
    if not isinstance(current, dict) or not isinstance(change, dict):
        return change
    if change.get("type", current.get("type")) != current.get("type"):
        return change
    return current | {key: _merged(current.get(key), value) for key, value in change.items()}
