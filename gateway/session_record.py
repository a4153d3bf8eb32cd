"""What a session tells its recording, and what it says to the caller about it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gateway.conversation import Conversation
from gateway.core import events as told
from gateway.core.jitter import ReceiveWindow
from gateway.core.notice import Notice
from gateway.core.playout import Playout
from gateway.core.responses import Phase
from gateway.core.turns import Turn
from gateway.media.codec import AudioCodec
from gateway.realtime import protocol
from gateway.recording.entries import (
    AgentRecalled,
    AgentSound,
    CallerSound,
    CallerTurn,
    CutOff,
    Happened,
    Said,
    Taped,
    Words,
)
from gateway.recording.recorder import Recorder, Recording
from gateway.session_offer import OfferLeg
from gateway.taping import ConversationTape

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
        self._conversation = conversation
        self._playout = playout
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._closed = False
        self._words = recorder.settings.notice
        self._notice = Notice() if self._words else None
        if self._notice is not None:
            self._loop.call_soon(self._announce)
        playout.taps += (self,)
        conversation.replay.taps += (self,)
        self._tape: ConversationTape | None = None
        if recorder.settings.packets:
            self._tape = ConversationTape(lambda call: self._recording.add(Taped(call)))
            self._tape.watch(conversation, playout)

    def close(self, reason: str) -> None:
        """The session ends."""
        self._closed = True
        self._recorder.end(self._recording, reason)

    def watch(self, leg: OfferLeg) -> None:
        """Another leg brings the caller's sound."""
        if self._tape is not None:
            leg.watch_windows(self._watch_window)

    def _watch_window(self, window: ReceiveWindow, codec: AudioCodec) -> None:
        if self._tape is not None:
            rate = codec.clock_rate
            self._tape.watch_window(window, rate, codec.duration_of, codec.has_fec)

    # -- what the caller is told of it

    def _announce(self) -> None:
        conversation, notice = self._conversation, self._notice
        hears = conversation.audible or conversation.passed.is_open
        if notice is None or self._closed or not hears:
            return
        if notice.due(idle=self._is_idle()):
            conversation.request_response(protocol.say_exactly(self._words))

    def _is_idle(self) -> bool:
        responses, turn = self._conversation.responses, self._conversation.turns.now
        quiet = turn is Turn.LISTENING and self._playout.is_empty
        return quiet and responses.phase is Phase.IDLE and not responses.waiting

    def _look_after_notice(self, notice: Notice, event: told.SessionEvent) -> None:
        match event:
            case told.UpstreamEvent({"type": protocol.OUTPUT_ITEM_ADDED, "item": item}):
                if item.get("type") == "message":
                    notice.answer_began(item["id"])
            case told.AudioInterrupted(item_id):
                notice.answer_over(item_id, whole=False)
            case told.Message(item_id):
                notice.answer_over(item_id, whole=not event.data.get("interrupted"))
            case told.UpstreamEvent({"type": protocol.RESPONSE_DONE}):
                notice.response_over()
        if not notice.over:
            # Not from here: this may be in the middle of core's work.
            self._loop.call_soon(self._announce)

    # -- sound

    def on_heard(self, pcm: bytes, now: float) -> None:
        self._recording.add(CallerSound(pcm, now))

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        if self._tape is not None:
            self._tape.on_taken(item_id, pcm, plays_at, fresh)
        at = self._clock() if plays_at is None else plays_at
        self._recording.add(AgentSound(pcm, at, item_id, fresh))

    def on_recalled(self, samples: int) -> None:
        if self._tape is not None:
            self._tape.on_recalled(samples)
        self._recording.add(AgentRecalled(samples))

    # -- events

    def on_sent(self, event: protocol.Event) -> None:
        """The session sends its model something."""
        if self._tape is not None:
            self._tape.on_sent(event)

    def on_session_event(self, event: told.SessionEvent) -> None:
        """The session tells something."""
        if self._tape is not None:
            self._tape.on_session_event(event)
        if self._notice is not None and not self._notice.over:
            self._look_after_notice(self._notice, event)
        match event:
            case told.Message():
                self._recording.add(Said(event, self._clock()))
            case told.TranscriptDelta(item_id, role, delta):
                self._recording.add(Words(item_id, role, delta))
            case told.UpstreamEvent(upstream):
                self._on_upstream(upstream)
                return
            case told.AudioInterrupted(item_id):
                self._recording.add(CutOff(item_id))
        if (plain := _plain(event)) is not None:
            self._happened(plain)

    def _on_upstream(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind in _BEGINS and isinstance(event.get("item_id"), str):
            appended = self._conversation.replay.position_of(event.get(_WHEN[kind]))
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


class NoRecord:
    """Of a session that is not recorded."""

    def watch(self, leg: OfferLeg) -> None:
        """Not at all, as all of this."""

    def on_session_event(self, event: told.SessionEvent) -> None: ...

    def on_sent(self, event: protocol.Event) -> None: ...

    def close(self, reason: str) -> None: ...


def record_of(
    recorder: Recorder | None,
    session_id: str,
    about: Mapping[str, Any],
    playout: Playout,
    conversation: Conversation,
) -> SessionRecord | NoRecord:
    """A session's recording, from now on."""
    if recorder is None:
        return NoRecord()
    return SessionRecord(recorder, session_id, about, playout, conversation)
