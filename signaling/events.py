"""Every payload of the Socket.IO contract as a type: what comes in is validated, what goes out is
named. No I/O.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.core import events
from gateway.core.candidate import IceCandidate
from gateway.core.events import ErrorCode, GatewayError, SessionEvent
from gateway.core.sdp import SdpError
from gateway.core.steps import StepTime
from gateway.core.usage import Tokens
from gateway.uplink import SentAudio

AUDIO_RESPONSE: Final = "audio_response"

MAX_SDP: Final = 65_536
MAX_TEXT: Final = 32_768
MAX_INSTRUCTIONS: Final = 32_768
MAX_NAME: Final = 256
MAX_KEYS: Final = 32

TURN_DETECTION_TYPES: Final = ("server_vad", "semantic_vad")
_KEYS = re.compile(r"[0-9*#A-D]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def bad_request(message: str) -> GatewayError:
    return GatewayError(ErrorCode.BAD_REQUEST, message)


@dataclass(frozen=True, slots=True)
class Join:
    """``join_session``: a new session, or with ``session_id`` and ``resume_token`` an old one."""

    user_id: str | None = None
    session_id: str | None = None
    resume_token: str | None = None
    agent_set: str | None = None
    instructions: str | None = None
    voice: str | None = None
    language: str | None = None

    @classmethod
    def parse(cls, data: object) -> Join:
        """:raises GatewayError: ``bad_request``."""
        fields = mapping("join_session", {} if data is None else data)
        language = text_field(fields, "language", MAX_NAME)
        if language is not None and not _LANGUAGE.fullmatch(language):
            raise bad_request("language must be a tag such as en or ko-KR")
        join = cls(
            user_id=text_field(fields, "userId", MAX_NAME),
            session_id=text_field(fields, "sessionId", MAX_NAME),
            resume_token=text_field(fields, "resumeToken", MAX_NAME),
            agent_set=text_field(fields, "agentSet", MAX_NAME),
            instructions=text_field(fields, "instructions", MAX_INSTRUCTIONS),
            voice=text_field(fields, "voice", MAX_NAME),
            language=language,
        )
        if join.session_id is not None and join.resume_token is None:
            raise bad_request("sessionId needs its resumeToken")
        return join


@dataclass(frozen=True, slots=True)
class Update:
    """``update_session``: the settings that change. ``changes`` are fields of ``SessionSettings``,
    and ``agent_set``.
    """

    changes: Mapping[str, Any]
    agent_set: str | None = None

    @classmethod
    def parse(cls, data: object) -> Update:
        """:raises GatewayError: ``bad_request``."""
        fields = mapping("update_session", data)
        known = {"voice", "instructions", "turnDetection", "turn_detection", "agentSet"}
        if not fields or fields.keys() - known:
            raise bad_request(f"update_session takes {', '.join(sorted(known))}")
        changes: dict[str, Any] = {}
        for name, limit in (("voice", MAX_NAME), ("instructions", MAX_INSTRUCTIONS)):
            if (text := text_field(fields, name, limit)) is not None:
                changes[name] = text
        for name in ("turnDetection", "turn_detection"):
            if name in fields:
                changes["turn_detection"] = _turn_detection(fields[name])
        return cls(changes, text_field(fields, "agentSet", MAX_NAME))


def _turn_detection(value: object) -> Mapping[str, Any] | None:
    """A GA ``turn_detection`` object, its ``type`` alone, or None for push-to-talk."""
    if value is None:
        return None
    detection = {"type": value} if isinstance(value, str) else value
    if not isinstance(detection, Mapping) or detection.get("type") not in TURN_DETECTION_TYPES:
        raise bad_request(f"turnDetection must be null or one of {', '.join(TURN_DETECTION_TYPES)}")
    if len(detection) > 12 or not all(_is_plain(item) for item in detection.items()):
        raise bad_request("turnDetection takes plain values only")
    return dict(detection)


def _is_plain(item: tuple[str, object]) -> bool:
    name, value = item
    if isinstance(value, str):
        return len(name) + len(value) <= MAX_NAME
    # Python reads NaN and Infinity, and would write them into JSON that no server reads.
    finite = isinstance(value, int | None) or (isinstance(value, float) and math.isfinite(value))
    return len(name) <= MAX_NAME and finite


def parse_offer(data: object) -> str:
    """``webrtc_offer``: the SDP. :raises GatewayError: ``bad_request`` or ``too_large``."""
    fields = mapping("webrtc_offer", data)
    if fields.get("type", "offer") != "offer":
        raise bad_request("webrtc_offer takes {type: 'offer', sdp}")
    sdp = fields.get("sdp")
    if not isinstance(sdp, str) or not sdp.strip():
        raise bad_request("webrtc_offer needs sdp, a string")
    if len(sdp) > MAX_SDP:
        raise GatewayError(ErrorCode.TOO_LARGE, "the SDP is larger than 64 KiB")
    return _unicode("sdp", sdp)


def parse_candidate(data: object) -> IceCandidate | None:
    """``ice_candidate``: W3C ``RTCIceCandidateInit``, or None for the end of candidates.

    Browsers also say the end with an empty ``candidate`` string.

    :raises GatewayError: ``bad_request``.
    """
    if data is None:
        return None
    text = mapping("ice_candidate", data).get("candidate")
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > 1024:
        raise bad_request("ice_candidate needs candidate, a string")
    try:
        return IceCandidate.parse(_unicode("candidate", text))
    except SdpError as error:
        raise bad_request(str(error)) from error


def parse_text(data: object) -> str:
    """``send_text``. :raises GatewayError: ``bad_request`` or ``too_large``."""
    if not isinstance(data, str) or not data.strip():
        raise bad_request("send_text takes a string that is not empty")
    if len(data) > MAX_TEXT:
        raise GatewayError(ErrorCode.TOO_LARGE, f"a text may have {MAX_TEXT} characters")
    return _unicode("send_text", data)


def parse_keys(data: object) -> str:
    """``send_dtmf``. :raises GatewayError: ``bad_request`` or ``too_large``."""
    if not isinstance(data, str) or not _KEYS.fullmatch(data):
        raise bad_request("send_dtmf takes a string of 0-9, *, # and A-D")
    if len(data) > MAX_KEYS:
        raise GatewayError(ErrorCode.TOO_LARGE, f"one event may have {MAX_KEYS} keys")
    return data


def parse_flag(data: object) -> bool:
    """``mute``. :raises GatewayError: ``bad_request``."""
    if not isinstance(data, bool):
        raise bad_request("mute takes true or false")
    return data


def mapping(what: str, data: object) -> Mapping[str, Any]:
    """:raises GatewayError: ``bad_request``."""
    if not isinstance(data, Mapping):
        raise bad_request(f"{what} takes an object")
    return data


def text_field(fields: Mapping[str, Any], name: str, limit: int) -> str | None:
    """A field that may be left out. :raises GatewayError: ``bad_request`` or ``too_large``."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise bad_request(f"{name} must be a string that is not empty")
    if len(value) > limit:
        raise GatewayError(ErrorCode.TOO_LARGE, f"{name} may have {limit} characters")
    return _unicode(name, value)


def _unicode(name: str, value: str) -> str:
    """JSON can spell half of a surrogate pair, which no other program takes for text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise bad_request(f"{name} is not valid Unicode") from None
    return value


def sent_audio(sent: SentAudio) -> dict[str, Any]:
    """What ``send_audio`` is acknowledged with."""
    return {
        "format": sent.format,
        "sampleRate": sent.sample_rate,
        "channels": sent.channels,
        "durationMs": sent.duration_ms,
    }


def failure(error: GatewayError) -> dict[str, Any]:
    """``{code, message}`` as it stands in acknowledgements and in ``error``."""
    return {"code": error.code.value, "message": error.message}


def outgoing(event: SessionEvent, session_id: str, user_id: str) -> list[tuple[str, Any]]:
    """The Socket.IO events that tell a client of ``event``: names and payloads (a tuple: several
    arguments).
    """
    match event:
        case events.StatusChanged():
            status: dict[str, Any] = {
                "status": event.status.value,
                "sessionId": session_id,
                "userId": user_id,
            }
            if event.reason:
                status["reason"] = event.reason
            if event.ends_in is not None:
                status["endsInMs"] = round(event.ends_in * 1000)
            return [("session_status", status)]
        case events.Message():
            return _message(event)
        case events.TranscriptDelta():
            return [
                (
                    "transcript_delta",
                    {"itemId": event.item_id, "role": event.role, "delta": event.delta},
                )
            ]
        case events.AudioResponse():
            return [(AUDIO_RESPONSE, binascii.b2a_base64(event.pcm, newline=False).decode())]
        case events.AudioInterrupted():
            return [
                (
                    "audio_interrupted",
                    {"itemId": event.item_id, "audioEndMs": event.audio_end_ms},
                )
            ]
        case events.UpstreamEvent():
            return [("realtime_event", event.event)]
        case events.LegStateChanged():
            return [("webrtc_state", {"connection": event.connection, "ice": event.ice})]
        case events.CallStats():
            return [("call_stats", _call_stats(event))]
        case events.TurnAnswered() | events.AgentSpeaks():
            return []  # Of use to those who run the gateway; ``call_stats`` has the sum.
        case events.UsageChanged():
            return [("agent_event", _usage(event))]
        case events.AgentEvent():
            return [("agent_event", dict(event.event))]
        case events.Failed():
            return [("error", {"code": event.code.value, "message": event.message})]


def _message(line: events.Message) -> list[tuple[str, Any]]:
    payload: dict[str, Any] = {
        "id": line.item_id,
        "type": line.type,
        "role": line.role,
        "content": line.content,
        "timestamp": line.timestamp,
    }
    if line.data:
        payload["data"] = dict(line.data)
    out: list[tuple[str, Any]] = [("message", payload), ("transcript", (line.content, line.role))]
    if line.role == "assistant":
        out.append(
            (
                "agent_response",
                {
                    "id": line.item_id,
                    "agent": line.agent,
                    "type": line.type,
                    "content": line.content,
                    "timestamp": line.timestamp,
                    "metadata": {**line.data, **line.metadata},
                },
            )
        )
    return out


def _call_stats(stats: events.CallStats) -> dict[str, Any]:
    return {
        "rttMs": _tenths(stats.rtt_ms),
        "jitterMs": _tenths(stats.jitter_ms),
        "lossPercent": _tenths(stats.loss_percent),
        "remoteLossPercent": _tenths(stats.remote_loss_percent),
        "concealedPercent": _tenths(stats.concealed_percent),
        "bufferMs": stats.buffer_ms,
        "turnLatencyMs": stats.turn_latency_ms,
        "uplinkDroppedMs": stats.uplink_dropped_ms,
        "underruns": stats.underruns,
        "packetsReceived": stats.packets_received,
        "packetsMended": stats.packets_mended,
        "packetsLate": stats.packets_late,
        "packetsSent": stats.packets_sent,
        "downlinkFec": stats.downlink_fec,
        "costUsd": stats.usage.cost_usd,
        "tokens": _tokens(stats.usage.total),
        "steps": _steps(stats.steps),
    }


def _usage(change: events.UsageChanged) -> dict[str, Any]:
    return {
        "type": "usage",
        "costUsd": change.usage.cost_usd,
        "tokens": _tokens(change.usage.total),
        "models": {
            name: {"costUsd": used.cost_usd, "tokens": _tokens(used.tokens)}
            for name, used in change.usage.models.items()
        },
        "steps": _steps(change.steps),
    }


def _tokens(tokens: Tokens) -> dict[str, Any]:
    return {
        "textIn": tokens.text_in,
        "textCached": tokens.text_cached,
        "textOut": tokens.text_out,
        "audioIn": tokens.audio_in,
        "audioCached": tokens.audio_cached,
        "audioOut": tokens.audio_out,
        "audioSeconds": _tenths(tokens.audio_seconds),
    }


def _steps(steps: Mapping[str, StepTime]) -> dict[str, Any]:
    return {
        name: {
            "count": step.count,
            "lastMs": step.last_ms,
            "meanMs": step.mean_ms,
            "maxMs": step.max_ms,
        }
        for name, step in steps.items()
    }


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
