"""A session on a desk: virtual time, pretended inference, every event checked.

Each server event is validated against the types of OpenAI's Python package, strictly, before a test
sees it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

from gateway.local_model.audio import AudioFormat, Samples
from gateway.local_model.client_events import ProtocolError, parse
from gateway.local_model.outputs import Drop, Hangup, Promote, Run, Send, Work
from gateway.local_model.session import Session
from gateway.local_model.speech import Speech

Event = dict[str, Any]

_OFFICIAL: TypeAdapter[Any] = TypeAdapter(
    Annotated[RealtimeServerEvent, Field(discriminator="type")]
)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECONDS_A_WORD = 0.25
"""How fast the pretended voice speaks."""


def check_event(event: Event) -> Event:
    """The event, if OpenAI's own client would take it as it is."""
    _OFFICIAL.validate_python(event, strict=True)
    assert event["event_id"]
    return event


def voice(seconds: float, rate: int = 24_000) -> Samples:
    """What `loudness` takes for speech."""
    tone = 8_000 * np.sin(np.arange(round(seconds * rate)) * (2 * np.pi * 300 / rate))
    return tone.astype(np.int16)


def quiet(seconds: float, rate: int = 24_000) -> Samples:
    return np.zeros(round(seconds * rate), np.int16)


def loudness(frame: Samples) -> float:
    """A scorer that knows speech by its level."""
    return 1.0 if np.abs(frame).mean() > 1_000 else 0.0


def in_base64(samples: Samples, audio_format: AudioFormat = AudioFormat.PCM) -> str:
    return base64.b64encode(audio_format.encode(samples)).decode()


class Desk:
    """Plays the client, the clock and the models of one session."""

    def __init__(
        self, *, hears: Callable[[int], str] | str = "hello", longest: float = 3_600.0
    ) -> None:
        """``hears``: what the pretended recogniser answers, given the samples' count."""
        self.now = 100.0
        self.events: list[Event] = []
        self.waiting: list[Work] = []
        self.urgent: set[int] = set()
        self.work_done = 0
        self.works_at_once = True
        self.hangup: Hangup | None = None
        self._hears = hears
        self.session = Session("test-model", lambda: loudness, lambda: NOON, self.now, longest)
        self._take_outputs()

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """A client event; returns the events that followed at once."""
        return self.send_raw(json.dumps({"type": kind, **fields}))

    def send_raw(self, message: str | bytes) -> list[Event]:
        before = len(self.events)
        try:
            self.session.handle(parse(message), self.now)
        except ProtocolError as error:
            self.session.reject(error)
        while self.session.has_unread_audio:
            self.session.read_audio(self.now)
        self._take_outputs()
        return self.events[before:]

    def update(self, **session: Any) -> list[Event]:
        return self.send("session.update", session={"type": "realtime", **session})

    def update_input(self, **audio_input: Any) -> list[Event]:
        return self.update(audio={"input": audio_input})

    def append(self, *parts: Samples, step: int = 480) -> list[Event]:
        """Audio in frames of ``step`` samples."""
        samples = np.concatenate(parts)
        before = len(self.events)
        for start in range(0, len(samples), step):
            audio = in_base64(samples[start : start + step])
            self.send("input_audio_buffer.append", audio=audio)
        return self.events[before:]

    def say(self, text: str) -> list[Event]:
        """A user message as text."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return self.send("conversation.item.create", item=item)

    def ask(self, text: str, **response: Any) -> list[Event]:
        """A user message and the events of its answer so far."""
        self.say(text)
        return self.send("response.create", response=response)

    def pass_time(self, seconds: float) -> list[Event]:
        """Let the clock run, stopping at every deadline."""
        before, end = len(self.events), self.now + seconds
        while self.session.deadline <= end and self.hangup is None:
            self.now = max(self.now, self.session.deadline)
            self.session.tick(self.now)
            self._take_outputs()
        self.now = end
        return self.events[before:]

    def work(self, only: int | None = None) -> None:
        """Let the models finish what waits (the first ``only`` of it)."""
        for work in self.waiting[:only]:
            self.waiting.remove(work)
            self._run(work)
            self.session.finished(work, self.now)
            self._take_outputs()

    def fail(self, work: Work) -> None:
        """Let a model fail."""
        self.waiting.remove(work)
        self.session.failed(work, "out of order", self.now)
        self._take_outputs()

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    def last(self, kind: str) -> Event:
        return self.all(kind)[-1]

    def error(self) -> Event:
        """The last error."""
        error: Event = self.last("error")["error"]
        return error

    def spoken_text(self) -> str:
        """All that was said so far, response after response."""
        return " ".join(
            event.get("transcript", event.get("text", ""))
            for event in self.events
            if event["type"] in ("response.output_audio_transcript.done", _TEXT_DONE)
        )

    def audio_of(self, item_id: str) -> bytes:
        deltas = self.all("response.output_audio.delta")
        return b"".join(base64.b64decode(d["delta"]) for d in deltas if d["item_id"] == item_id)

    def _take_outputs(self) -> None:
        for output in list(self.session.outputs()):
            match output:
                case Send(event):
                    json.dumps(event)
                    self.events.append(check_event(event))
                case Run(work, urgent):
                    self.waiting.append(work)
                    if urgent:
                        self.urgent.add(id(work))
                case Promote(work):
                    self.urgent.add(id(work))
                case Drop(work):
                    self.waiting = [other for other in self.waiting if other is not work]
                case Hangup():
                    self.hangup = output
        while self.works_at_once and self.waiting:
            self.work(1)

    def _run(self, work: Work) -> None:
        self.work_done += 1
        if isinstance(work, Speech):
            samples = round(
                len(work.sentence.split()) * SECONDS_A_WORD * work.format.rate / work.speed
            )
            work.audio = work.format.encode(np.arange(samples).astype(np.int16))
        else:
            hears = self._hears
            work.text = hears if isinstance(hears, str) else hears(len(work.samples))


_TEXT_DONE = "response.output_text.done"
