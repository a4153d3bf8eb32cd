"""One Realtime session: client events in, server events and inference out. Sans-IO.

Whoever drives it calls `handle` for every event, `read_audio` while `has_unread_audio`, `finished`
or `failed` for every `Run` it was asked for, and `tick` at the `deadline`; after each of these it
takes the `outputs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gateway.local_model import server_events as events
from gateway.local_model.answers import Answers, new_id
from gateway.local_model.audio import RECOGNITION_RATE
from gateway.local_model.client_events import (
    AudioAppend,
    AudioClear,
    AudioCommit,
    ClientEvent,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputAudioClear,
    ProtocolError,
    ResponseCancel,
    ResponseCreate,
    ResponseOptions,
    SessionUpdate,
    raise_protocol_error,
)
from gateway.local_model.conversation import Conversation, Item, ItemError
from gateway.local_model.hearing import (
    BufferFull,
    Heard,
    Hearing,
    PieceDropped,
    PieceReady,
    Recording,
    TurnPaused,
    TurnStarted,
    TurnStopped,
)
from gateway.local_model.items import audio_part, item_from
from gateway.local_model.outputs import Drop, Hangup, Outbox, Output, Run, Work
from gateway.local_model.settings import ServerVad, SessionSettings
from gateway.local_model.speech import Speech
from gateway.local_model.vad import Scorer, VadSettings

_SHORTEST_COMMIT_MS = 100
_GOING_AWAY = 1001


class Session:
    """State of one connection."""

    def __init__(
        self,
        model: str,
        new_scorer: Callable[[], Scorer],
        clock: Callable[[], datetime],
        now: float,
        longest: float,
    ) -> None:
        """``now`` is monotonic seconds, as everywhere; ``longest`` the session's limit in s."""
        self.id = new_id("sess")
        self._settings = SessionSettings(model=model)
        self._expires_at = int(clock().timestamp() + longest)
        self._ends_at = now + longest
        self._outbox = Outbox()
        self._conversation = Conversation()
        self._answers = Answers(self._settings, self._conversation, self._outbox, clock)
        self._hearing = Hearing(new_scorer, self._settings.input_format, self._vad)
        self._turn_id: str | None = None
        self._outbox.send(events.session_created(self._as_json()))

    @property
    def deadline(self) -> float:
        """When `tick` should be called."""
        times = [self._ends_at, self._answers.deadline, self._idle_at]
        return min(time for time in times if time is not None)

    @property
    def has_unread_audio(self) -> bool:
        """Whether appended audio waits for `read_audio`; no other event may overtake it."""
        return self._hearing.has_unread

    def outputs(self) -> Iterator[Output]:
        """What is to be done, in order; each is given once."""
        return self._outbox.take()

    def handle(self, event: ClientEvent, now: float) -> None:
        """Do what the client asks; its mistakes become ``error`` events."""
        try:
            _HANDLERS[type(event)](self, event, now)
        except ProtocolError as error:
            error.event_id = event.event_id
            self.reject(error)

    def reject(self, error: ProtocolError) -> None:
        """Tell the client of a mistake."""
        self._outbox.send(events.error(error.code, error.message, error.param, error.event_id))

    def read_audio(self, now: float) -> None:
        """Look at a slice of appended audio (well under 5 ms of work)."""
        self._perceive(self._hearing.read(), now)

    def finished(self, work: Work, now: float) -> None:
        """``work`` was run and has its result."""
        if isinstance(work, Speech):
            self._answers.advance(now)
            return
        self._answers.settle(now)
        self._prepare()

    def failed(self, work: Work, message: str, now: float) -> None:
        """``work`` could not be run."""
        if isinstance(work, Speech):
            self._answers.fail(work, message, now)
            return
        work.text, work.failed = "", True
        self._answers.settle(now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._answers.advance(now)
        idle_at = self._idle_at
        if idle_at is not None and idle_at <= now:
            self._time_out(now)
        if self._ends_at <= now:
            self._ends_at = math.inf
            self._outbox.send(
                events.error(
                    "session_expired", "Your session hit its maximum duration.", None, None
                )
            )
            self._outbox.put(Hangup(_GOING_AWAY, "session expired"))

    # -- settings ---------------------------------------------------------------------------

    def _update(self, event: SessionUpdate, now: float) -> None:
        try:
            changed = self._settings.updated(event.session)
        except ValidationError as error:
            raise_protocol_error(error, ("session",))
        voice, former = changed.audio.output.voice, self._settings.audio.output.voice
        if self._answers.has_spoken and voice != former:
            raise ProtocolError(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "session.audio.output.voice",
            )
        self._settings = self._answers.settings = changed
        self._perceive(self._hearing.configure(changed.input_format, self._vad), now)
        if not self._hearing.speaking:
            self._turn_id = None
        self._outbox.send(events.session_updated(self._as_json()))

    @property
    def _vad(self) -> VadSettings | None:
        detection = self._settings.audio.input.turn_detection
        return detection.vad if detection is not None else None

    def _as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "realtime.session",
            "expires_at": self._expires_at,
            **self._settings.model_dump(mode="json"),
        }

    # -- the caller's audio -----------------------------------------------------------------

    def _append(self, event: AudioAppend, now: float) -> None:
        audio = event.decoded()
        if len(audio) % self._settings.input_format.sample_size:
            raise ProtocolError(
                "invalid_value", "Invalid 'audio'. A 16-bit sample has two bytes.", "audio"
            )
        try:
            self._hearing.append(audio)
        except BufferFull:
            raise ProtocolError(
                "input_audio_buffer_full", "The input audio buffer is full: commit or clear it."
            ) from None

    def _commit(self, event: AudioCommit, now: float) -> None:
        buffered = self._hearing.buffered_ms
        if buffered < _SHORTEST_COMMIT_MS:
            raise ProtocolError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{_SHORTEST_COMMIT_MS}ms of audio, but buffer only has {buffered}ms of audio.",
            )
        recording, heard = self._hearing.commit()
        self._perceive(heard, now)
        self._answers.drop_prepared()
        self._add_recording(recording, now)

    def _clear(self, event: AudioClear, now: float) -> None:
        self._perceive(self._hearing.clear(), now)
        self._answers.drop_prepared()
        self._turn_id = None
        self._outbox.send(events.cleared())

    def _perceive(self, heard: Sequence[Heard], now: float) -> None:
        for event in heard:
            match event:
                case PieceReady(piece, tentative):
                    self._outbox.put(Run(piece, urgent=not tentative))
                case PieceDropped(piece):
                    self._outbox.put(Drop(piece))
                    self._answers.drop_prepared()
                case TurnPaused():
                    self._prepare()
                case TurnStarted(at):
                    self._start_turn(at, now)
                case TurnStopped(at, recording):
                    self._stop_turn(at, recording, now)

    def _start_turn(self, at: int, now: float) -> None:
        self._turn_id = new_id("item")
        self._outbox.send(events.speech_started(self._turn_id, _milliseconds(at)))
        detection = self._settings.audio.input.turn_detection
        if detection is not None and detection.interrupt_response:
            self._answers.interrupt(now)
        self._answers.quiet_since = None

    def _stop_turn(self, at: int, recording: Recording, now: float) -> None:
        assert self._turn_id is not None, "a turn starts before it stops"
        self._outbox.send(events.speech_stopped(self._turn_id, _milliseconds(at)))
        self._add_recording(recording, now)
        detection = self._settings.audio.input.turn_detection
        if detection is None or not detection.create_response:
            self._answers.drop_prepared()
            return
        self._answer(now)

    def _answer(self, now: float) -> None:
        """Respond of our own accord; where that fails, no event of the client's is to blame."""
        try:
            self._answers.create(ResponseOptions(), now)
        except ProtocolError as error:
            # With interrupt_response off, the agent may still be speaking.
            self.reject(error)

    def _add_recording(self, recording: Recording, now: float) -> None:
        item = self._commit_item(recording)
        self._answers.understand(item, item.parts[0], recording.utterance, transcribe=True)
        self._answers.settle(now)

    def _commit_item(self, recording: Recording) -> Item:
        item_id, self._turn_id = self._turn_id or new_id("item"), None
        part = audio_part(recording.audio, recording.format)
        item = Item(item_id, role="user", parts=[part])
        previous = self._conversation.insert(item)
        self._outbox.send(events.committed(item_id, previous))
        self._outbox.send(events.item_added(item.as_json(), previous))
        self._outbox.send(events.item_done(item.as_json(), previous))
        self._answers.quiet_since = None
        return item

    def _prepare(self) -> None:
        """Ready an answer while the caller pauses."""
        detection = self._settings.audio.input.turn_detection
        utterance = self._hearing.utterance
        if detection is not None and detection.create_response and utterance is not None:
            self._answers.prepare(utterance)

    @property
    def _idle_at(self) -> float | None:
        """When silence after an answer has lasted for `idle_timeout_ms`."""
        detection = self._settings.audio.input.turn_detection
        quiet_since = self._answers.quiet_since
        if not isinstance(detection, ServerVad) or quiet_since is None:
            return None
        timeout = detection.idle_timeout_ms
        return quiet_since + timeout / 1000 if timeout is not None else None

    def _time_out(self, now: float) -> None:
        """The caller says nothing: commit the silence and let the agent speak."""
        end = _milliseconds(self._hearing.position)
        start = end - self._hearing.buffered_ms
        self._turn_id = new_id("item")
        self._outbox.send(events.timeout_triggered(self._turn_id, start, end))
        # Nobody spoke, so there is nothing to recognise.
        recording, _ = self._hearing.commit()
        self._commit_item(recording)
        self._answer(now)

    # -- items ------------------------------------------------------------------------------

    def _create_item(self, event: ItemCreate, now: float) -> None:
        item = item_from(
            event.item, event.item.id or new_id("item"), self._settings.input_format, "item"
        )
        try:
            previous = self._conversation.insert(item, event.previous_item_id)
        except ItemError as error:
            raise ProtocolError("item_create_invalid_item_id", str(error)) from error
        self._answers.understand_parts(item)
        self._outbox.send(events.item_added(item.as_json(), previous))
        self._outbox.send(events.item_done(item.as_json(), previous))

    def _retrieve_item(self, event: ItemRetrieve, now: float) -> None:
        try:
            item = self._conversation.get(event.item_id)
        except ItemError as error:
            raise ProtocolError("item_retrieve_invalid_item_id", str(error), "item_id") from error
        self._outbox.send(events.item_retrieved(item.as_json(with_audio=True)))

    def _delete_item(self, event: ItemDelete, now: float) -> None:
        try:
            self._conversation.delete(event.item_id)
        except ItemError as error:
            raise ProtocolError("item_delete_invalid_item_id", str(error), "item_id") from error
        self._outbox.send(events.item_deleted(event.item_id))

    def _truncate_item(self, event: ItemTruncate, now: float) -> None:
        try:
            self._conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
        except ItemError as error:
            raise ProtocolError("item_truncate_invalid_item_id", str(error)) from error
        self._outbox.send(
            events.item_truncated(event.item_id, event.content_index, event.audio_end_ms)
        )

    # -- responses --------------------------------------------------------------------------

    def _create_response(self, event: ResponseCreate, now: float) -> None:
        self._answers.create(event.response or ResponseOptions(), now)

    def _cancel_response(self, event: ResponseCancel, now: float) -> None:
        self._answers.cancel(event.response_id, now)

    def _refuse_output_clear(self, event: OutputAudioClear, now: float) -> None:
        raise ProtocolError(
            "invalid_value",
            "'output_audio_buffer.clear' is only for WebRTC and SIP; "
            "over WebSocket the client holds the output audio.",
            "type",
        )


def _milliseconds(position: int) -> int:
    return position * 1000 // RECOGNITION_RATE


_HANDLERS: dict[type[ClientEvent], Callable[[Session, Any, float], None]] = {
    SessionUpdate: Session._update,
    AudioAppend: Session._append,
    AudioCommit: Session._commit,
    AudioClear: Session._clear,
    OutputAudioClear: Session._refuse_output_clear,
    ItemCreate: Session._create_item,
    ItemRetrieve: Session._retrieve_item,
    ItemDelete: Session._delete_item,
    ItemTruncate: Session._truncate_item,
    ResponseCreate: Session._create_response,
    ResponseCancel: Session._cancel_response,
}
