"""What a session tells its recording, and what it says to the caller about it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gateway.conversation import Conversation
from gateway.core import events as told
from gateway.core.playout import Playout
from gateway.realtime import protocol
from gateway.recording.entries import (
    AgentRecalled,
    AgentSound,
    CallerSound,
    CallerTurn,
    Happened,
    Said,
    Words,
)
from gateway.recording.recorder import Recorder, Recording

_BEGINS: Final = {protocol.SPEECH_STARTED: True, protocol.SPEECH_STOPPED: False}
_WHEN: Final = {protocol.SPEECH_STARTED: "audio_start_ms", protocol.SPEECH_STOPPED: "audio_end_ms"}


class SessionRecord:
    """The recording of one session, from now on; it taps the sound on both ways.

    :param about: what is to be known of the call later.
    """

    def __init__(
        self,
        recorder: Recorder,
        session_id: str,
        about: Mapping[str, Any],
        playout: Playout,
        conversation: Conversation,
    ) -> None:
        self._recorder = recorder
        self._recording: Recording = recorder.begin(session_id, about)
        self._replay = conversation.replay
        self._clock = asyncio.get_running_loop().time
        playout.tap = conversation.replay.tap = self

    def close(self, reason: str) -> None:
        """The session ends."""
        self._recorder.end(self._recording, reason)

    # -- sound

    def on_heard(self, pcm: bytes, now: float) -> None:
        self._recording.add(CallerSound(pcm, now))

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        at = self._clock() if plays_at is None else plays_at
        self._recording.add(AgentSound(pcm, at, item_id, fresh))

    def on_recalled(self, samples: int) -> None:
        self._recording.add(AgentRecalled(samples))

    # -- events

    def on_session_event(self, event: told.SessionEvent) -> None:
        """The session tells something."""
        match event:
            case told.Message():
                self._recording.add(Said(event, self._clock()))
            case told.TranscriptDelta(item_id, role, delta):
                self._recording.add(Words(item_id, role, delta))
            case told.UpstreamEvent(upstream):
                self._on_upstream(upstream)
            case _ if (plain := _plain(event)) is not None:
                self._happened(plain)

    def _on_upstream(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind in _BEGINS and isinstance(event.get("item_id"), str):
            appended = self._replay.position_of(event.get(_WHEN[kind]))
            turn = CallerTurn(event["item_id"], _BEGINS[kind], appended, self._clock())
            self._recording.add(turn)
        if not kind.endswith(".delta"):  # The words are in the transcript.
            self._happened({"type": "model", "event": event})

    def _happened(self, event: Mapping[str, Any]) -> None:
        self._recording.add(Happened(event, self._clock()))


def _plain(event: told.SessionEvent) -> dict[str, Any] | None:
    """An event as it is written; None: it is not."""
    match event:
        case told.StatusChanged(status, reason, None):
            return {"type": "status", "status": status.value, "reason": reason}
        case told.LegStateChanged(connection):
            return {"type": "leg", "state": connection}
        case told.AudioInterrupted(item_id, audio_end_ms):
            return {"type": "interrupted", "itemId": item_id, "audioEndMs": audio_end_ms}
        case told.AgentEvent(agent_event):
            return {"type": "agent", "event": agent_event}
        case told.Failed(code, message):
            return {"type": "error", "code": code.value, "message": message}
        case told.CallStats():
            return {
                "type": "quality",
                "rttMs": event.rtt_ms,
                "jitterMs": event.jitter_ms,
                "lossPercent": event.loss_percent,
                "concealedPercent": event.concealed_percent,
                "bufferMs": event.buffer_ms,
                "underruns": event.underruns,
            }
    return None
