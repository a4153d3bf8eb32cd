"""What each event means for a conversation: core's state machines put together, without a socket or
a clock.

The session feeds it what the model sends and what the caller does; it answers through two
callbacks, ``send`` (to the model) and ``emit`` (to the doors). ``now`` is in seconds of a monotonic
clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.core import events as out
from gateway.core.owed import Cut
from gateway.core.passed import Passed
from gateway.core.playout import Playout
from gateway.core.replay import ReplayBuffer
from gateway.core.responses import Phase, ResponseRequest, ResponseSequencer
from gateway.core.rollover import Moment
from gateway.core.steps import TURN, StepTimes
from gateway.core.transcript import Transcript
from gateway.core.turn_marks import TurnMarks
from gateway.core.turns import Action, Input, Turn, Turns
from gateway.handover import Handover
from gateway.realtime import protocol

log = structlog.get_logger(__name__)


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
        self.wall_clock = wall_clock
        self.turns = Turns()
        self.responses = ResponseSequencer()
        self.transcript = Transcript()
        self.replay = ReplayBuffer()
        self.handover = Handover(self.transcript, self.replay, send)
        """What a connection to the model that takes over is told."""
        self.new_item_id = protocol.new_item_id
        self.agent_name = ""
        self.audible = False
        """Whether a leg plays the answers; without one they are heard once they are complete."""
        self.passed = Passed(playout)
        """What is said while no leg plays it."""
        self.barge_in = True
        """Whether the caller's speech cuts the agent (``interrupt_response``)."""
        self.server_answers = True
        """Whether the server answers turns that it heard the end of (``create_response``)."""
        self.steps = StepTimes()
        self.marks = TurnMarks()
        self._answering: set[str] = set()
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
        self.replay.speech_started(event.get("item_id"), event.get("audio_start_ms"), now)
        if not self.barge_in:
            return
        self.passed.stop(now)
        if self.turns.feed(Input.SPEECH_STARTED) is Action.CUT:
            self._cut(now, tell_model=False)
        self.responses.forget_waiting()

    def _on_speech_stopped(self, event: protocol.Event, now: float) -> None:
        self.replay.speech_stopped(event.get("audio_end_ms"))
        self.turns.feed(Input.SPEECH_STOPPED)
        self.marks.turn_ended(now)
        self._expect_answer(now)

    def _on_committed(self, event: protocol.Event, now: float) -> None:
        self.handover.place_spoken(event["item_id"], event.get("previous_item_id"))
        self.replay.committed(event["item_id"], now)
        self._expect_answer(now)

    def _expect_answer(self, now: float) -> None:
        if self.server_answers and not self.replay.manual:
            self.responses.expect(now)

    def _on_item_added(self, event: protocol.Event, now: float) -> None:
        item = event["item"]
        self.handover.holds(item["id"])
        # An answer's line is placed by its response. Others are those that were told.
        if item.get("type") != "message" or item.get("role") != "user":
            return
        content = item.get("content") or []
        if any(part.get("type") == "input_text" for part in content):
            self.transcript.place(item["id"], "user", event.get("previous_item_id"), spoken=False)
            self.transcript.complete(item["id"], protocol.text_of(content))
        else:
            self.handover.place_spoken(item["id"], event.get("previous_item_id"))

    def _on_input_delta(self, event: protocol.Event, now: float) -> None:
        delta = event.get("delta") or ""
        self.handover.place_spoken(event["item_id"])
        self.transcript.add_text(event["item_id"], delta)
        if delta:
            self._emit(out.TranscriptDelta(event["item_id"], "user", delta))

    def _on_input_completed(self, event: protocol.Event, now: float) -> None:
        self.handover.place_spoken(event["item_id"])
        self.transcript.complete(event["item_id"], event["transcript"].strip())
        self.replay.recognised(event["item_id"])

    def _on_input_failed(self, event: protocol.Event, now: float) -> None:
        self.transcript.complete(event["item_id"])
        self.replay.recognised(event["item_id"])

    def _on_response_created(self, event: protocol.Event, now: float) -> None:
        self.responses.created(event["response"]["id"])
        self.marks.model_began(now)
        self.turns.feed(Input.RESPONSE_STARTED)
        self._answering.clear()

    def _on_output_item_added(self, event: protocol.Event, now: float) -> None:
        item = event["item"]
        self._answering.add(item["id"])
        if item.get("type") != "message":
            return
        self.handover.spoken(item["id"])
        self._playout.begin(item["id"])
        self.transcript.place(item["id"], "assistant", agent=self.agent_name)

    def _on_output_item_done(self, event: protocol.Event, now: float) -> None:
        if (item := event["item"]).get("type") == "message":
            self._finish_audio([item["id"]], now)

    def _on_audio_delta(self, event: protocol.Event, now: float) -> None:
        if self.responses.stale(event.get("response_id", "")):
            return
        if (pcm := protocol.pcm_of(event)) is None:
            log.warning("model sent audio that is not base64")
            return
        if self.audible:
            self._playout.push(event["item_id"], pcm, event.get("content_index", 0))
        else:
            self.passed.push(event["item_id"], pcm, now)
        self.turns.feed(Input.AUDIO_STARTED)
        if (waited := self.marks.sounded(now)) is not None:
            self.steps.add(TURN, waited)

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
        items = {item["id"] for item in response.get("output") or [] if item.get("id")}
        if response["id"] == self.responses.active_id:
            # Those that came to nothing are not among its output.
            items |= self._answering
        for item_id in items:
            self.transcript.complete(item_id)
        self._finish_audio(list(items & self._answering), now)
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
        if code == protocol.COMMIT_EMPTY:
            self.replay.commit_refused()
        self._send_request(self.responses.refused(event_id, busy=code == protocol.RESPONSE_RUNNING))
        self._maybe_over()
        log.info("model error", code=code, type=error.get("type"))
        crossed = code in protocol.HARMLESS_ERRORS or self.handover.is_cut(event_id)
        # The session tells those that end it.
        if not crossed and code not in protocol.FATAL_ERRORS:
            self._emit(out.Failed(out.ErrorCode.UPSTREAM_ERROR, message))

    # -- from the caller

    def say(self, text: str, now: float) -> str:
        """A typed line of the caller's, and a response. Returns the line's item id."""
        self.interrupt(now)
        item_id = self._write(text)
        self.marks.turn_ended(now)
        self.request_response()
        self.poll(now)
        return item_id

    def press(self, keys: str, now: float) -> None:
        """The caller pressed keys, of ``0-9*#A-D``: a line of its own, and a response. An answer
        goes on to its end; the caller's words will be answered anyway, with the keys in view.
        """
        self._write(f"[the caller pressed {keys}]", keys)
        if self.turns.now is not Turn.CALLER_SPEAKING:
            self.request_response()
        self.poll(now)

    def commit(self, now: float) -> None:
        """End of push-to-talk: what was said becomes a turn, and is answered."""
        self.replay.commit(now)
        self._send(protocol.commit())
        self.marks.turn_ended(now)
        self.request_response()

    def clear(self) -> None:
        """Drop what the caller said since the last turn."""
        self.replay.cleared()
        self._send(protocol.clear())

    def request_response(
        self, response: Mapping[str, Any] | None = None, event_id: str = "", *, patient: bool = True
    ) -> None:
        self._send_request(self.responses.request(response, event_id, patient=patient))

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
        self.replay.expire(now)
        for line in self.transcript.ready(now):
            self._emit(line.message(self.wall_clock()))

    def finish(self, now: float) -> None:
        """The conversation ends. An answer under way is cut where it is; nothing said is lost."""
        for cut in self._playout.interrupt(now):
            self.transcript.cut(cut.item_id, cut.heard_samples, cut.received_samples)
        self._cut_unplayed()
        for line in self.transcript.finish():
            self._emit(line.message(self.wall_clock()))

    # -- the model's connections

    def model_lost(self, now: float) -> None:
        """What was under way will not come: what there is of it counts as complete, and the answer
        is owed.
        """
        unfinished = [i for i in self._answering if not self.transcript.is_complete(i)]
        running = self.responses.phase is Phase.RUNNING
        broken_off = running and (bool(unfinished) or not self._answering)
        for item_id in unfinished:
            if self.audible:
                self.transcript.break_off(item_id, self._playout.received(item_id))
            self.transcript.complete(item_id)
        self._finish_audio(list(self._answering), now)
        self._answering.clear()
        self.handover.lost()
        self.responses.reset(owed=broken_off or self.responses.is_expected(now))
        self._maybe_over()
        self.poll(now)

    def model_connected(self, known: set[str], *, moved: bool, now: float) -> None:
        """A fresh connection carries on: tell it the rest, let it hear what is not in words, ask
        for the answer that is owed.

        :param known: items it was told, by :meth:`Handover.briefing`.
        :param moved: the connection before stays, to say what it recognised.
        """
        unanswered = self.responses.is_expected(now)
        self.responses.reset(owed=unanswered)
        replay = self.handover.take_over(known, turns=unanswered or not moved)
        if replay.speech and self.server_answers and not self.replay.manual:
            # The server hears the end of that turn by itself.
            self.responses.forget_waiting()
        # Behind a commit of ours comes its answer. What else was said comes behind the request, and
        # interrupts the answer as it would have.
        before = None in replay.steps
        if before:
            self.handover.hear(replay)
        self._send_request(self.responses.resume())
        if not before:
            self.handover.hear(replay)

    def moment(self, now: float) -> Moment:
        """What a move to another connection would meet now."""
        if self.responses.phase is not Phase.IDLE:
            return Moment.BUSY
        if self.responses.is_expected(now):
            return Moment.WAITING
        quiet = self.turns.now is Turn.LISTENING and self._playout.is_empty
        return Moment.QUIET if quiet and self.replay.at_rest else Moment.USABLE

    # -- inside

    def _write(self, text: str, keys: str = "") -> str:
        item_id = self.new_item_id()
        self.transcript.place(item_id, "user", spoken=False).keys = keys
        self.transcript.complete(item_id, text)
        self._send(protocol.message_item("user", text, item_id))
        return item_id

    def _cut(self, now: float, *, tell_model: bool) -> None:
        cuts = self._playout.interrupt(now)
        response_id = self.responses.cut()
        if response_id is not None and tell_model:
            self.handover.send_cut(protocol.cancel_response(response_id))
        for cut in cuts:
            self.handover.truncate(cut)
            self._emit(out.AudioInterrupted(cut.item_id, cut.heard_ms))
        self._cut_unplayed()
        self._answering.clear()
        self.marks.cut()

    def _cut_unplayed(self) -> None:
        """Cut what the playout holds nothing of: text that ran ahead of its voice was not heard,
        text that nobody was to hear was read."""
        for item_id in self._answering:
            line = self.transcript.get(item_id)
            if line is None or line.heard:
                continue
            if self.audible and line.spoken:
                self.handover.truncate(Cut(item_id, 0, 0, 0))
            else:
                line.interrupted = line.complete = line.heard = True

    def _finish_audio(self, item_ids: Sequence[str], now: float) -> None:
        for item_id in item_ids:
            self._playout.finish(item_id)
            if not self.audible or not self._playout.received(item_id):
                self.transcript.mark_heard(item_id)
        self.played(self._playout.completed(), now)

    def _maybe_over(self) -> None:
        if self._playout.is_empty and self.responses.phase is Phase.IDLE:
            self.turns.feed(Input.ANSWER_OVER)

    def _send_request(self, request: ResponseRequest | None) -> None:
        if request is not None:
            self._send(protocol.create_response(request.event_id, request.response))
