"""One response in flight: from sentences to deltas, with every event in its place. Sans-IO.

    waiting  --plan()------------------> speaking    (text: straight to done)
    speaking --the last delta was sent-> done        status completed
    any      --cancel()----------------> done        status cancelled
    any      --fail()------------------> done        status failed

Audio is sent ahead of real time, so that the client's buffer never runs dry, but not further than
`_LEAD` seconds, and no sentence is synthesised before the one ahead of it is being sent: what an
interruption throws away was mostly never made.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gateway.local_model import server_events as events
from gateway.local_model.audio import AudioFormat
from gateway.local_model.conversation import Conversation, Item, Part
from gateway.local_model.outputs import Drop, Outbox, Promote, Run
from gateway.local_model.speech import Speech

_LEAD = 3.0
_DELTA_MS = 200
"""Audio in one delta."""
_AUDIO_TOKENS_PER_SECOND = 20
"""Output tokens as OpenAI counts them: one for 50 ms."""
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class ResponseSettings:
    """What one response was asked for with: the session's settings and its own overrides."""

    modality: Literal["audio", "text"]
    format: AudioFormat
    output: Mapping[str, Any]
    """`audio.output` of the response object."""
    speed: float
    max_output_tokens: int | Literal["inf"]
    metadata: Mapping[str, str] | None
    conversation_id: str | None
    """None: out of band, the conversation is not touched."""


@dataclass(frozen=True)
class InputUsage:
    """Tokens that went in, as OpenAI counts them: text by characters, audio by 100 ms."""

    text_tokens: int
    audio_tokens: int


class _State(enum.Enum):
    WAITING = enum.auto()
    SPEAKING = enum.auto()
    DONE = enum.auto()


CancelReason = Literal["turn_detected", "client_cancelled"]


class Response:
    """Puts one response's events, and the speech it needs, into the session's outbox."""

    def __init__(
        self,
        response_id: str,
        item_id: str,
        settings: ResponseSettings,
        conversation: Conversation,
        outbox: Outbox,
    ) -> None:
        self.id = response_id
        self.settings = settings
        self.deadline: float | None = None
        """When `advance` should be called next."""
        self._usage = InputUsage(0, 0)
        self._conversation = conversation if settings.conversation_id else None
        self._outbox, self._send = outbox, outbox.send
        self._state = _State.WAITING
        self._events = events.OutputPart(response_id, item_id)
        kind: Literal["output_audio", "output_text"] = (
            "output_audio" if settings.modality == "audio" else "output_text"
        )
        self._part = Part(kind, format=settings.format)
        self._item = Item(item_id, role="assistant", status="in_progress")
        self._call: Item | None = None
        self._sentences: deque[str] = deque()
        self._speech: Speech | None = None
        self._pending = b""
        self._sent_bytes = 0
        self._started_at = 0.0
        self._cut_short = False
        self._send(events.response_created(self._as_json("in_progress")))
        # Nothing is rationed here, so there is no limit to tell of.
        self._send(events.rate_limits_updated([]))

    @property
    def done(self) -> bool:
        """Whether `response.done` was sent."""
        return self._state is _State.DONE

    @property
    def waiting(self) -> bool:
        """Whether it is not yet known what to say."""
        return self._state is _State.WAITING

    @property
    def item_id(self) -> str:
        """The assistant message it makes."""
        return self._item.id

    @property
    def speech(self) -> Speech | None:
        """What is being synthesised for it."""
        return self._speech

    def plan(
        self,
        sentences: Sequence[str],
        usage: InputUsage,
        now: float,
        prepared: Speech | None,
        call: Item | None = None,
    ) -> None:
        """Say these; ``prepared`` is speech made in advance, taken where it fits.

        :param call: the function call that follows; it is made once all of the speech is sent, and
            not at all if the response is stopped before.
        """
        self._usage, self._call = usage, call
        self._sentences.extend(self._within_budget(sentences))
        self._state = _State.SPEAKING
        self._add_item()
        if self.settings.modality == "text":
            while self._sentences:
                self._events_of_text(self._sentences.popleft())
        elif self._sentences:
            fits = prepared is not None and prepared.says(
                self._sentences[0], self.settings.speed, self.settings.format
            )
            self._speech = prepared if fits else None
        self.advance(now)

    def advance(self, now: float) -> None:
        """Send what is due, ask for what is next, finish when nothing is left.

        Call it when speech asked for is there and at the `deadline`.
        """
        self.deadline = None
        while self._state is _State.SPEAKING:
            if self._pending:
                due = self._started_at + self._sent_seconds - _LEAD
                if self._sent_bytes and now < due:
                    self.deadline = due
                    return
                self._send_delta(now)
            elif self._speech is not None and self._speech.audio is not None:
                self._begin_sentence(self._speech.audio)
            elif self._sentences:
                # All that was made is sent; what the client holds is all it has left.
                self._request_speech(urgent=True)
                return
            else:
                self._complete()

    def heard_until(self, now: float) -> float:
        """When a listener who began at the first delta has heard all that was sent."""
        return self._started_at + self._sent_seconds if self._sent_bytes else now

    def cancel(self, reason: CancelReason) -> None:
        """Stop here."""
        details = {"type": "cancelled", "reason": reason}
        self._finish("cancelled", details)

    def fail(self, message: str) -> None:
        """Something of ours went wrong."""
        error = {"type": "server_error", "code": "inference_failed", "message": message}
        self._finish("failed", {"type": "failed", "error": error})

    def _within_budget(self, sentences: Sequence[str]) -> list[str]:
        """As many sentences as `max_output_tokens` of text allow."""
        limit = self.settings.max_output_tokens
        if limit == "inf":
            return list(sentences)
        allowed: list[str] = []
        for sentence in sentences:
            limit -= text_tokens_in(sentence)
            if limit < 0:
                self._cut_short = True
                break
            allowed.append(sentence)
        return allowed

    def _add_item(self) -> None:
        self._send(events.output_item_added(self.id, self._item.as_json()))
        if self._conversation is not None:
            previous = self._conversation.insert(self._item)
            self._send(events.item_added(self._item.as_json(), previous))
        self._item.parts.append(self._part)
        self._part.text = ""
        self._send(self._events.added(self._part_json()))

    def _request_speech(self, *, urgent: bool) -> None:
        if self._speech is None:
            self._speech = Speech(self._sentences[0], self.settings.speed, self.settings.format)
            self._outbox.put(Run(self._speech, urgent=urgent))
        elif urgent:
            self._outbox.put(Promote(self._speech))

    def _begin_sentence(self, audio: bytes) -> None:
        sentence = self._sentences.popleft()
        self._speech, self._pending = None, audio
        end = (self._sent_bytes + len(audio)) // self.settings.format.sample_size
        self._send(self._events.transcript_delta(self._part.add_sentence(sentence, end)))
        if self._sentences:
            self._request_speech(urgent=False)

    def _events_of_text(self, sentence: str) -> None:
        self._send(self._events.text_delta(self._part.add_sentence(sentence, 0)))

    def _send_delta(self, now: float) -> None:
        audio_format = self.settings.format
        size = audio_format.rate * _DELTA_MS // 1000 * audio_format.sample_size
        delta, self._pending = self._pending[:size], self._pending[size:]
        if not self._sent_bytes:
            self._started_at = now
        self._sent_bytes += len(delta)
        self._part.append_audio(delta)
        self._send(self._events.audio_delta(delta))

    @property
    def _sent_seconds(self) -> float:
        audio_format = self.settings.format
        return self._sent_bytes / audio_format.sample_size / audio_format.rate

    def _complete(self) -> None:
        if self._cut_short:
            reason = {"type": "incomplete", "reason": "max_output_tokens"}
            self._finish("incomplete", reason)
        else:
            self._finish("completed", None)

    def _finish(self, status: str, details: Mapping[str, Any] | None) -> None:
        if self.done:
            return
        started, self._state, self.deadline = not self.waiting, _State.DONE, None
        if self._speech is not None:
            self._outbox.put(Drop(self._speech))
        self._pending = b""
        self._sentences.clear()
        self._item.status = "completed" if status == "completed" else "incomplete"
        if started:
            self._close_item()
        if status != "completed":
            self._call = None
        elif self._call is not None:
            self._make_call(self._call)
        self._send(events.response_done(self._as_json(status, details)))

    def _close_item(self) -> None:
        if self.settings.modality == "audio":
            self._send(self._events.audio_done())
            self._send(self._events.transcript_done(self._said))
        else:
            self._send(self._events.text_done(self._said))
        self._send(self._events.done(self._part_json()))
        item = self._item.as_json()
        if self._conversation is not None and self._item in self._conversation.items:
            self._send(events.item_done(item, self._conversation.previous_id(self._item.id)))
        self._send(events.output_item_done(self.id, item))

    def _make_call(self, item: Item) -> None:
        call = {name: value or "" for name, value in item.call.items()}
        begun = {**item.as_json(), "status": "in_progress", "arguments": ""}
        self._send(events.output_item_added(self.id, begun, 1))
        previous = None
        if self._conversation is not None:
            previous = self._conversation.insert(item)
            self._send(events.item_added(begun, previous))
        delta = call["arguments"]
        self._send(
            events.function_call_arguments_delta(self.id, item.id, 1, call["call_id"], delta)
        )
        self._send(events.function_call_arguments_done(self.id, item.id, 1, call))
        if self._conversation is not None:
            self._send(events.item_done(item.as_json(), previous))
        self._send(events.output_item_done(self.id, item.as_json(), 1))

    @property
    def _said(self) -> str:
        """Everything that was sent, whatever the client has truncated meanwhile."""
        return " ".join(sentence for sentence, _ in self._part.spoken)

    def _part_json(self) -> dict[str, Any]:
        """The part as response events have it, whose types lack the prefix that items have."""
        words = "transcript" if self.settings.modality == "audio" else "text"
        return {"type": self.settings.modality, words: self._said}

    def _as_json(self, status: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
        finished = status != "in_progress"
        output = [self._item] if finished and self._item.parts else []
        if finished and self._call is not None:
            output.append(self._call)
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.as_json() for item in output],
            "conversation_id": self.settings.conversation_id,
            "output_modalities": [self.settings.modality],
            "max_output_tokens": self.settings.max_output_tokens,
            "audio": {"output": self.settings.output},
            "usage": self._usage_json() if finished else None,
            "metadata": self.settings.metadata,
        }

    def _usage_json(self) -> dict[str, Any]:
        audio_tokens = round(self._sent_seconds * _AUDIO_TOKENS_PER_SECOND)
        text_tokens = text_tokens_in(self._said)
        heard = self._usage
        inputs = heard.text_tokens + heard.audio_tokens
        outputs = text_tokens + audio_tokens
        return {
            "total_tokens": inputs + outputs,
            "input_tokens": inputs,
            "output_tokens": outputs,
            "input_token_details": {
                "text_tokens": heard.text_tokens,
                "audio_tokens": heard.audio_tokens,
                "image_tokens": 0,
                "cached_tokens": 0,
                "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text_tokens, "audio_tokens": audio_tokens},
        }


def text_tokens_in(text: str) -> int:
    """About as many tokens as a language model would count in ``text``."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)
