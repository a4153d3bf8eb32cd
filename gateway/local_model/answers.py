"""The agent's side of a session: which responses run, and what they wait for. Sans-IO.

A response waits until the audio it answers is understood. Where a turn may be ending, the answer
to what is understood so far is prepared: if the turn does end there, its first sentence is already
spoken when the response begins.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.local_model import front_desk
from gateway.local_model import server_events as events
from gateway.local_model.audio import AudioFormat
from gateway.local_model.client_events import ItemReference, ProtocolError, ResponseOptions
from gateway.local_model.conversation import Conversation, Item, ItemError, Part, turns_of
from gateway.local_model.dialogue import Situation, Turn, reply
from gateway.local_model.front_desk import Answer
from gateway.local_model.items import item_from, utterance_of
from gateway.local_model.outputs import Drop, Outbox, Promote, Run
from gateway.local_model.response import (
    CancelReason,
    InputUsage,
    Response,
    ResponseSettings,
    text_tokens_in,
)
from gateway.local_model.settings import SessionSettings
from gateway.local_model.speech import Speech
from gateway.local_model.utterance import Utterance

_MOST_RESPONSES = 8
"""In flight at once, the conversation's own included."""
_TURNS_LOOKED_AT = 200
_AUDIO_TOKENS_PER_SECOND = 10
"""Input tokens as OpenAI counts them: one for 100 ms."""


def new_id(prefix: str) -> str:
    """A fresh id: ``item_`` and 24 hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass
class _Awaited:
    """Audio of an item that is being understood."""

    item: Item
    part: Part
    utterance: Utterance
    transcribe: bool


@dataclass
class _Running:
    """A response, and the items it answers."""

    response: Response
    context: Sequence[Item]
    instructions: str
    asks_supervisor: bool
    """Whether its session has a supervisor to ask."""


class Answers:
    """All responses of one session."""

    def __init__(
        self,
        settings: SessionSettings,
        conversation: Conversation,
        outbox: Outbox,
        clock: Callable[[], datetime],
    ) -> None:
        """``clock`` tells the local time, for a caller who asks."""
        self.settings = settings
        self.has_spoken = False
        """Whether audio was ever sent: the voice is settled then."""
        self.quiet_since: float | None = None
        """When the last answer's audio ends for a listener in real time; None while one runs."""
        self._conversation = conversation
        self._conversation_id = new_id("conv")
        self._outbox = outbox
        self._clock = clock
        self._awaited: list[_Awaited] = []
        self._running: list[_Running] = []
        self._prepared: Speech | None = None

    @property
    def active(self) -> Response | None:
        """The response that belongs to the conversation."""
        for running in self._running:
            if running.response.settings.conversation_id is not None:
                return running.response
        return None

    @property
    def deadline(self) -> float | None:
        """When `advance` should be called next."""
        times = [running.response.deadline for running in self._running]
        return min((time for time in times if time is not None), default=None)

    def understand(self, item: Item, part: Part, utterance: Utterance, *, transcribe: bool) -> None:
        """``part`` is being recognised as ``utterance``; the client may get its transcript."""
        self._awaited.append(_Awaited(item, part, utterance, transcribe))
        for piece in utterance.unknown_pieces():
            self._outbox.put(Promote(piece))

    def understand_parts(self, item: Item) -> None:
        """Have all audio of an item recognised that the client put together itself."""
        for part in item.parts:
            if part.type == "input_audio":
                utterance, pieces = utterance_of(part)
                for piece in pieces:
                    self._outbox.put(Run(piece, urgent=True))
                self.understand(item, part, utterance, transcribe=False)

    def create(self, options: ResponseOptions, now: float) -> None:
        """Begin a response. Raises `ProtocolError` where that is not possible now."""
        out_of_band = options.conversation == "none"
        active = self.active
        if active is not None and not out_of_band:
            raise ProtocolError(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        if len(self._running) >= _MOST_RESPONSES:
            raise ProtocolError(
                "too_many_responses", f"At most {_MOST_RESPONSES} responses run at once."
            )
        context = self._context(options)
        response = Response(
            new_id("resp"),
            new_id("item"),
            self._response_settings(options),
            self._conversation,
            self._outbox,
        )
        instructions = options.instructions
        if instructions is None:
            instructions = self.settings.instructions
        asks = self._asks_supervisor(options)
        self._running.append(_Running(response, context, instructions, asks))
        self.quiet_since = None
        self.settle(now)

    def cancel(self, response_id: str | None, now: float) -> None:
        """Stop the named response, or the conversation's. Raises `ProtocolError` without one."""
        for running in self._running:
            response = running.response
            named = response.id == response_id
            if named or (response_id is None and response is self.active):
                self._cancel(response, "client_cancelled", now)
                return
        raise ProtocolError(
            "response_cancel_not_active", "Cancellation failed: no active response found."
        )

    def interrupt(self, now: float) -> None:
        """The caller speaks: stop the conversation's response."""
        if self.active is not None:
            self._cancel(self.active, "turn_detected", now)

    def settle(self, now: float) -> None:
        """Give out the texts that have become known, and begin the answers that waited for them."""
        for awaited in list(self._awaited):
            if awaited.utterance.text is not None:
                self._awaited.remove(awaited)
                self._understood(awaited, awaited.utterance.text)
        for running in list(self._running):
            if running.response.waiting and not self._awaits(running.context):
                self._plan(running, now)
        self._retire(now)

    def advance(self, now: float) -> None:
        """Let responses send what is due by ``now`` or has been synthesised."""
        for running in list(self._running):
            running.response.advance(now)
        self._retire(now)

    def fail(self, speech: Speech, message: str, now: float) -> None:
        """``speech`` could not be synthesised."""
        if self._prepared is speech:
            self._prepared = None
        for running in self._running:
            if running.response.speech is speech:
                running.response.fail(message)
        self._retire(now)

    def prepare(self, utterance: Utterance) -> None:
        """The turn may be ending with ``utterance``: make the answer's first sentence ready."""
        text = utterance.text
        if text is None or self.active is not None or self.settings.output_modalities != ["audio"]:
            return
        turns = [*turns_of(self._conversation.items[-_TURNS_LOOKED_AT:]), Turn("user", text)]
        asks = self._asks_supervisor(ResponseOptions())
        sentence = self._answer(turns, self.settings.instructions, asks).sentences[0]
        speed, audio_format = self.settings.audio.output.speed, self.settings.output_format
        if self._prepared and self._prepared.says(sentence, speed, audio_format):
            return
        self.drop_prepared()
        self._prepared = Speech(sentence, speed, audio_format)
        self._outbox.put(Run(self._prepared, urgent=False))

    def drop_prepared(self) -> None:
        """The turn went on: what was prepared answers less than it."""
        if self._prepared is not None:
            self._outbox.put(Drop(self._prepared))
            self._prepared = None

    def _context(self, options: ResponseOptions) -> Sequence[Item]:
        """The items a response answers: the conversation's last, or the ones it was given."""
        if options.input is None:
            return list(self._conversation.items[-_TURNS_LOOKED_AT:])
        context = []
        for index, given in enumerate(options.input):
            param = f"response.input[{index}]"
            if isinstance(given, ItemReference):
                try:
                    context.append(self._conversation.get(given.id))
                except ItemError as error:
                    raise ProtocolError("invalid_value", str(error), param) from error
                continue
            item = item_from(given, given.id or new_id("item"), self.settings.input_format, param)
            context.append(item)
            self.understand_parts(item)
        return context

    def _response_settings(self, options: ResponseOptions) -> ResponseSettings:
        session = self.settings
        output: dict[str, Any] = session.audio.output.model_dump(include={"format", "voice"})
        if options.audio is not None and options.audio.output is not None:
            output |= options.audio.output.model_dump(exclude_none=True)
        if isinstance(output["voice"], dict):
            output["voice"] = output["voice"]["id"]
        return ResponseSettings(
            modality=(options.output_modalities or session.output_modalities)[0],
            format=AudioFormat(output["format"]["type"]),
            output=output,
            speed=session.audio.output.speed,
            max_output_tokens=options.max_output_tokens or session.max_output_tokens,
            metadata=options.metadata,
            conversation_id=None if options.conversation == "none" else self._conversation_id,
        )

    def _plan(self, running: _Running, now: float) -> None:
        turns = turns_of(running.context)
        answer = self._answer(turns, running.instructions, running.asks_supervisor)
        prepared = None
        if running.response is self.active:
            prepared, self._prepared = self._prepared, None
        usage, call = _usage(running), _call_for(answer)
        running.response.plan(answer.sentences, usage, now, prepared, call)
        self.has_spoken |= running.response.settings.modality == "audio"
        if prepared is not None and running.response.speech is not prepared:
            self._outbox.put(Drop(prepared))

    def _answer(self, turns: Sequence[Turn], instructions: str, asks_supervisor: bool) -> Answer:
        situation = Situation(turns, instructions, self._clock())
        return front_desk.answer(situation) if asks_supervisor else Answer(reply(situation))

    def _asks_supervisor(self, options: ResponseOptions) -> bool:
        tools, choice = options.tools, options.tool_choice
        return front_desk.has_supervisor(
            self.settings.tools if tools is None else tools,
            self.settings.tool_choice if choice is None else choice,
        )

    def _cancel(self, response: Response, reason: CancelReason, now: float) -> None:
        response.cancel(reason)
        self._retire(now)

    def _retire(self, now: float) -> None:
        for running in list(self._running):
            if running.response.done:
                self._running.remove(running)
                if running.response.settings.conversation_id is not None:
                    self.quiet_since = running.response.heard_until(now)
                    self._conversation.forget_old_audio()

    def _awaits(self, context: Sequence[Item]) -> bool:
        return any(awaited.item in context for awaited in self._awaited)

    def _understood(self, awaited: _Awaited, text: str) -> None:
        part, item = awaited.part, awaited.item
        part.understood = text
        if not awaited.transcribe or self.settings.audio.input.transcription is None:
            return
        index = item.parts.index(part)
        if awaited.utterance.failed:
            self._outbox.send(
                events.transcription_failed(item.id, index, "The audio could not be recognised.")
            )
            return
        part.text = text
        if text:
            self._outbox.send(events.transcription_delta(item.id, index, text))
        seconds = part.samples / part.format.rate
        self._outbox.send(events.transcription_completed(item.id, index, text, seconds))


def _call_for(answer: Answer) -> Item | None:
    """The item of the function call that ``answer`` ends with."""
    if answer.arguments is None:
        return None
    call: dict[str, str | None] = {
        "name": front_desk.SUPERVISOR,
        "call_id": new_id("call"),
        "arguments": answer.arguments,
    }
    return Item(new_id("item"), "function_call", call=call)


def _usage(running: _Running) -> InputUsage:
    parts = [part for item in running.context for part in item.parts]
    heard = sum(part.samples / part.format.rate for part in parts if part.type == "input_audio")
    words = sum(text_tokens_in(part.words) for part in parts if part.type != "input_audio")
    return InputUsage(
        text_tokens=words + text_tokens_in(running.instructions),
        audio_tokens=round(heard * _AUDIO_TOKENS_PER_SECOND),
    )
