"""What each event means for a conversation: core's state machines put together, without a socket or
a clock.

The session feeds it what the model sends and what the caller does; it answers through two
callbacks, ``send`` (to the model) and ``emit`` (to the doors). ``now`` is in seconds of a monotonic
clock.
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.core import events as out
from gateway.core.playout import Cut, Playout
from gateway.core.responses import Phase, ResponseRequest, ResponseSequencer
from gateway.core.transcript import Line, Transcript
from gateway.core.turns import Action, Input, Turns
from gateway.realtime import protocol

log = structlog.get_logger(__name__)

MAX_CARRIED = 200
"""Lines that a fresh connection to the model is told; the model would forget older ones anyway."""

_CUT_ID = "talkpath_cut_"
"""``event_id`` of what a barge-in sends. The model may have moved on meanwhile, and refuse it."""


class Conversation:
    """One caller and one model talking.

    :param playout: the audio owed to the caller.
    :param send: takes client events for the model.
    :param emit: takes session events for the doors.
    :param wall_clock: milliseconds since the epoch, for the time stamps of messages.
    """

    def __init__(
        self,
        playout: Playout,
        send: Callable[[protocol.Event], None],
        emit: Callable[[out.SessionEvent], None],
        wall_clock: Callable[[], int],
    ) -> None:
        self._playout = playout
        self._send = send
        self._emit = emit
        self._wall_clock = wall_clock
        self.turns = Turns()
        self.responses = ResponseSequencer()
        self.transcript = Transcript()
        self.agent_name = ""
        self.audible = False
        """Whether a leg plays the answers; without one they count as heard when they are
        complete.
        """
        self.barge_in = True
        """Whether the caller's speech cuts the agent (``interrupt_response``)."""
        self.turn_latency_ms: int | None = None
        self._speech_stopped_at: float | None = None
        self._spoken_items: set[str] = set()
        """Answers that the present connection to the model holds as audio, and can truncate."""
        self._answering: set[str] = set()
        self._cuts = 0
        self._handlers: dict[str, Callable[[protocol.Event, float], None]] = {
            protocol.SPEECH_STARTED: self._on_speech_started,
            protocol.SPEECH_STOPPED: self._on_speech_stopped,
            protocol.COMMITTED: self._on_committed,
            protocol.ITEM_ADDED: self._on_item_added,
            protocol.INPUT_DELTA: self._on_input_delta,
            protocol.INPUT_COMPLETED: self._on_input_completed,
            protocol.INPUT_FAILED: self._on_input_failed,
            protocol.RESPONSE_CREATED: self._on_response_created,
            protocol.RESPONSE_DONE: self._on_response_done,
            protocol.OUTPUT_ITEM_ADDED: self._on_output_item_added,
            protocol.OUTPUT_ITEM_DONE: self._on_output_item_done,
            protocol.AUDIO_DELTA: self._on_audio_delta,
            protocol.AUDIO_DONE: self._on_audio_done,
            protocol.AUDIO_TRANSCRIPT_DELTA: self._on_output_text,
            protocol.AUDIO_TRANSCRIPT_DONE: self._on_output_text_done,
            protocol.TEXT_DELTA: self._on_output_text,
            protocol.TEXT_DONE: self._on_output_text_done,
            protocol.ERROR: self._on_error,
        }

    # -- from the model

    def handle(self, event: protocol.Event, now: float) -> None:
        """React to one server event; events of no consequence here are ignored.

        :raises KeyError, TypeError: the server left out a field of its protocol.
        """
        handler = self._handlers.get(event["type"])
        if handler is not None:
            handler(event, now)
            if event["type"] != protocol.AUDIO_DELTA:
                self.poll(now)

    def _on_speech_started(self, event: protocol.Event, now: float) -> None:
        if not self.barge_in:
            return
        if self.turns.feed(Input.SPEECH_STARTED) is Action.CUT:
            self._cut(now, tell_model=False)
        self.responses.forget_waiting()

    def _on_speech_stopped(self, event: protocol.Event, now: float) -> None:
        self.turns.feed(Input.SPEECH_STOPPED)
        self._speech_stopped_at = now

    def _on_committed(self, event: protocol.Event, now: float) -> None:
        self.transcript.place(event["item_id"], "user", event.get("previous_item_id"))

    def _on_item_added(self, event: protocol.Event, now: float) -> None:
        item = event["item"]
        if item.get("type") != "message" or item.get("role") not in ("user", "assistant"):
            return
        content = item.get("content") or []
        typed = item["role"] == "user" and any(part.get("type") == "input_text" for part in content)
        line = self.transcript.place(
            item["id"],
            item["role"],
            event.get("previous_item_id"),
            spoken=not typed,
            agent=self.agent_name,
        )
        if typed:
            self.transcript.complete(line.item_id, _text_of(content))

    def _on_input_delta(self, event: protocol.Event, now: float) -> None:
        delta = event.get("delta") or ""
        self.transcript.place(event["item_id"], "user")
        self.transcript.add_text(event["item_id"], delta)
        if delta:
            self._emit(out.TranscriptDelta(event["item_id"], "user", delta))

    def _on_input_completed(self, event: protocol.Event, now: float) -> None:
        self.transcript.place(event["item_id"], "user")
        self.transcript.complete(event["item_id"], event["transcript"].strip())

    def _on_input_failed(self, event: protocol.Event, now: float) -> None:
        self.transcript.complete(event["item_id"])

    def _on_response_created(self, event: protocol.Event, now: float) -> None:
        self.responses.created(event["response"]["id"])
        self.turns.feed(Input.RESPONSE_STARTED)
        self._answering.clear()

    def _on_output_item_added(self, event: protocol.Event, now: float) -> None:
        item = event["item"]
        if item.get("type") != "message":
            return
        self._spoken_items.add(item["id"])
        self._answering.add(item["id"])
        self._playout.begin(item["id"])
        self.transcript.place(item["id"], "assistant", agent=self.agent_name)

    def _on_output_item_done(self, event: protocol.Event, now: float) -> None:
        item = event["item"]
        if item.get("type") == "message":
            self._finish_audio([item["id"]], now)

    def _on_audio_delta(self, event: protocol.Event, now: float) -> None:
        if self.responses.stale(event.get("response_id", "")):
            return
        try:
            pcm = binascii.a2b_base64(event["delta"])
        except binascii.Error:
            log.warning("model sent audio that is not base64")
            return
        if self.audible:
            self._playout.push(event["item_id"], pcm, event.get("content_index", 0))
        self.turns.feed(Input.AUDIO_STARTED)
        if self._speech_stopped_at is not None:
            self.turn_latency_ms = round((now - self._speech_stopped_at) * 1000)
            self._speech_stopped_at = None

    def _on_audio_done(self, event: protocol.Event, now: float) -> None:
        self._finish_audio([event["item_id"]], now)

    def _on_output_text(self, event: protocol.Event, now: float) -> None:
        if self.responses.stale(event.get("response_id", "")):
            return
        line = self.transcript.place(event["item_id"], "assistant", agent=self.agent_name)
        line.spoken = event["type"] == protocol.AUDIO_TRANSCRIPT_DELTA
        self.transcript.add_text(line.item_id, event["delta"])
        self._emit(out.TranscriptDelta(line.item_id, "assistant", event["delta"]))

    def _on_output_text_done(self, event: protocol.Event, now: float) -> None:
        if not self.responses.stale(event.get("response_id", "")):
            self.transcript.complete(event["item_id"], event.get("transcript", event.get("text")))

    def _on_response_done(self, event: protocol.Event, now: float) -> None:
        response = event["response"]
        items = [item["id"] for item in response.get("output") or [] if item.get("id")]
        for item_id in items:
            self.transcript.complete(item_id)
        self._finish_audio([i for i in items if i in self._answering], now)
        self._send_request(self.responses.done(response["id"]))
        self._maybe_over()
        if response.get("status") == "failed":
            error = (response.get("status_details") or {}).get("error") or {}
            message = error.get("message") or "the model could not answer"
            self._emit(out.Failed(out.ErrorCode.UPSTREAM_ERROR, message))

    def _on_error(self, event: protocol.Event, now: float) -> None:
        error = event.get("error") or {}
        code, message = error.get("code"), error.get("message") or "the model reported an error"
        event_id = error.get("event_id") or ""
        self._send_request(self.responses.refused(event_id, busy=code == protocol.RESPONSE_RUNNING))
        self._maybe_over()
        log.info("model error", code=code, type=error.get("type"))
        crossed = code in protocol.HARMLESS_ERRORS or event_id.startswith(_CUT_ID)
        # The session tells those that end it.
        if not crossed and code not in protocol.FATAL_ERRORS:
            self._emit(out.Failed(out.ErrorCode.UPSTREAM_ERROR, message))

    # -- from the caller

    def say(self, text: str, now: float) -> str:
        """A typed line of the caller's: into the conversation, and a response. Returns its item
        id.
        """
        self.interrupt(now)
        item_id = f"item_{secrets.token_hex(12)}"
        self.transcript.place(item_id, "user", spoken=False)
        self.transcript.complete(item_id, text)
        self._send(protocol.message_item("user", text, item_id))
        self._speech_stopped_at = now
        self.request_response()
        self.poll(now)
        return item_id

    def commit(self, now: float) -> None:
        """End of push-to-talk: what was said becomes a turn, and is answered."""
        self._send(protocol.commit())
        self._speech_stopped_at = now
        self.request_response()

    def request_response(self) -> None:
        self._send_request(self.responses.request())

    def interrupt(self, now: float) -> None:
        """Stop the answer now, at what was heard of it."""
        if self.turns.feed(Input.INTERRUPTED) is Action.CUT_AND_CANCEL:
            self._cut(now, tell_model=True)
        self.poll(now)

    # -- from the leg

    def played(self, item_ids: Sequence[str], now: float) -> None:
        """The caller heard the last sample of these items, as far as the leg can tell."""
        for item_id in item_ids:
            self.transcript.mark_heard(item_id)
        self._maybe_over()
        self.poll(now)

    def poll(self, now: float) -> None:
        """Tell the doors which lines became final."""
        for line in self.transcript.ready(now):
            self._emit(self._message(line))

    def finish(self, now: float) -> None:
        """The conversation ends: an answer under way is cut where it is, and nothing said is
        lost.
        """
        for cut in self._playout.interrupt(now):
            self.transcript.cut(cut.item_id, cut.heard_samples, cut.received_samples)
        self._cut_unplayed()
        for line in self.transcript.finish():
            self._emit(self._message(line))

    # -- the model's connection

    def model_lost(self, now: float) -> None:
        """What was under way will not come: what there is of it counts as complete."""
        for item_id in self._answering:
            self.transcript.complete(item_id)
        self._finish_audio(list(self._answering), now)
        self._spoken_items.clear()
        self.responses.reset()
        self._maybe_over()
        self.poll(now)

    def model_restored(self) -> None:
        """Tell a fresh connection what was said so far, and ask for the answer that is owed."""
        self.responses.reset()
        told = [line for line in self.transcript.lines if line.text.strip()][-MAX_CARRIED:]
        for line in told:
            self._send(protocol.message_item(line.role, line.text, line.item_id))
        request = self.responses.resume()
        if request is None and told and told[-1].role == "user":
            request = self.responses.request()
        self._send_request(request)

    # -- inside

    def _cut(self, now: float, *, tell_model: bool) -> None:
        cuts = self._playout.interrupt(now)
        response_id = self.responses.cut()
        if response_id is not None and tell_model:
            self._send_cut(protocol.cancel_response(response_id))
        for cut in cuts:
            self._truncate(cut)
        self._cut_unplayed()
        self._answering.clear()
        self._speech_stopped_at = None

    def _truncate(self, cut: Cut) -> None:
        """Make the model believe what the caller heard: no more, and nothing if it was nothing."""
        self.transcript.cut(cut.item_id, cut.heard_samples, cut.received_samples)
        if cut.item_id in self._spoken_items:
            if cut.heard_ms > 0:
                self._send_cut(protocol.truncate_item(cut.item_id, cut.content_index, cut.heard_ms))
            else:
                self._send_cut(protocol.delete_item(cut.item_id))
        self._emit(out.AudioInterrupted(cut.item_id, cut.heard_ms))

    def _cut_unplayed(self) -> None:
        """Cut the answers of which the playout holds nothing: text that ran ahead of its voice was
        not heard, text that nobody was to hear was read.
        """
        for item_id in self._answering:
            line = self.transcript.get(item_id)
            if line is None or line.heard:
                continue
            if self.audible and line.spoken:
                self.transcript.cut(item_id, 0, 0)
            else:
                line.interrupted = line.complete = line.heard = True

    def _send_cut(self, event: protocol.Event) -> None:
        self._cuts += 1
        self._send({**event, "event_id": f"{_CUT_ID}{self._cuts}"})

    def _finish_audio(self, item_ids: Sequence[str], now: float) -> None:
        for item_id in item_ids:
            self._playout.finish(item_id)
            if not self.audible:
                self.transcript.mark_heard(item_id)
        self.played(self._playout.completed(), now)

    def _maybe_over(self) -> None:
        if self._playout.is_empty and self.responses.phase is Phase.IDLE:
            self.turns.feed(Input.ANSWER_OVER)

    def _send_request(self, request: ResponseRequest | None) -> None:
        if request is not None:
            self._send(protocol.create_response(request.event_id, request.response))

    def _message(self, line: Line) -> out.Message:
        data: dict[str, Any] = {}
        if line.interrupted:
            data["interrupted"] = True
        if line.audio_end_ms is not None:
            data["audioEndMs"] = line.audio_end_ms
        return out.Message(
            item_id=line.item_id,
            type="audio" if line.spoken else "text",
            role=line.role,
            content=line.text.strip(),
            timestamp=self._wall_clock(),
            agent=line.agent,
            data=data,
        )


def _text_of(content: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(part["text"] for part in content if part.get("text"))
