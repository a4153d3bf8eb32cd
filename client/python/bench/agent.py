"""The mock model's voice on one call: answers by a script, and the caller's speech over them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from client.python.bench.answers import Answer, SpokenAnswer, event, make_answer
from client.python.bench.model import ModelLine
from client.python.bench.probes import TONES

OPENING_SECONDS = 0.1
"""From `response.created` to the first audio: a model thinks before it speaks."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How answers are delivered: their length, that of a delta, how much faster than real time,
    and the pause after one was spoken. Seconds."""

    answer: float = 3.2
    delta: float = 0.2
    speed: float = 5.0
    pause: float = 0.8

    def answers(self) -> list[Answer]:
        """Every answer there is, one for each probe's tone."""
        return [make_answer(tone, self.answer, self.delta) for tone in range(len(TONES))]


class Agent:
    """`on_speaking(tone, at)` is told when the first delta of an answer is sent."""

    def __init__(
        self, number: int, voice: Voice, on_speaking: Callable[[int, float], None]
    ) -> None:
        self.line: ModelLine | None = None
        """The call's model connection, while there is one."""
        self.item_id = ""
        """Of the latest answer."""
        self._name = f"{number}"
        self._voice = voice
        self._answers = voice.answers()
        self._on_speaking = on_speaking
        self._count = itertools.count()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._spoken: SpokenAnswer | None = None
        self._next_delta = 0
        self._started_at = 0.0
        self._again = False

    def speak(self, after: float = 0.0, *, again: bool = False) -> None:
        """Give an answer `after` seconds; with `again` one after another until `stop`."""
        self.stop()
        self._again = again
        self._timer = self._loop.call_later(after, self._open)

    def finish(self) -> None:
        """Let an answer under way come to its end, and give no other."""
        self._again = False
        if self._spoken is None:
            self.stop()

    def stop(self) -> None:
        """Say nothing more; what was sent stays."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def speech_started(self) -> float:
        """The caller speaks over the answer. Returns when the event was sent."""
        self.stop()
        started = event(
            "input_audio_buffer.speech_started", audio_start_ms=0, item_id=self._caller_item()
        )
        at = time.monotonic()
        self._send(started)
        if self._spoken is not None:
            self._send(*self._spoken.cancelled())
            self._spoken = None
        return at

    def speech_stopped(self) -> None:
        """The caller's turn is over, and in the conversation."""
        item_id = self._caller_item()
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
        content = [{"type": "input_audio", "transcript": None}]
        self._send(
            event("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item_id),
            event("input_audio_buffer.committed", item_id=item_id, previous_item_id=None),
            event("conversation.item.added", item={**item, "content": content}),
        )

    def _caller_item(self) -> str:
        return f"{self.item_id}_caller"

    def _send(self, *events: bytes) -> None:
        if self.line is not None:
            self.line.send(*events)

    def _open(self) -> None:
        number = next(self._count)
        answer = self._answers[number % len(self._answers)]
        self.item_id = f"item_{self._name}_{number}"
        self._spoken = SpokenAnswer(answer, f"resp_{self._name}_{number}", self.item_id)
        self._next_delta = 0
        self._send(*self._spoken.opening())
        self._timer = self._loop.call_later(OPENING_SECONDS, self._say)

    def _say(self) -> None:
        assert self._spoken is not None
        delta = self._spoken.delta(self._next_delta)
        if self._next_delta == 0:
            self._started_at = time.monotonic()
            self._on_speaking(self._spoken.answer.tone, self._started_at)
        self._send(delta)
        self._next_delta += 1
        if self._next_delta == len(self._spoken.answer.deltas):
            self._close(self._spoken)
            return
        due = self._started_at + self._next_delta * self._voice.delta / self._voice.speed
        self._timer = self._loop.call_at(due, self._say)

    def _close(self, spoken: SpokenAnswer) -> None:
        self._send(*spoken.closing())
        self._spoken = self._timer = None
        if self._again:
            due = self._started_at + self._voice.answer + self._voice.pause
            self._timer = self._loop.call_at(due, self._open)
