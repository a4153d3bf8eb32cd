"""What the mock model says: one answer as Realtime server events, made ready before the calls.

An answer starts with a probe's burst and is audible to its last sample: speech over a low hum, so
that every packet that carries it can be told from silence.
"""

from __future__ import annotations

import base64
import functools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from client.python.bench import probes, speech

RATE = 24_000
"""Hz, PCM16 mono: what a Realtime server sends."""

_HUM_HERTZ, _HUM_PEAK = 300.0, 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """`deltas`: the audio in base64, one piece for each delta event."""

    tone: int
    samples: int
    deltas: tuple[bytes, ...]


@functools.cache
def make_answer(tone: int, seconds: float, delta_seconds: float) -> Answer:
    """The answer that starts with the burst of `tone`."""
    samples = int(seconds * RATE)
    hum = _HUM_PEAK * np.sin(2 * np.pi * _HUM_HERTZ * np.arange(samples) / RATE)
    voice = speech.synthesise(seconds, RATE, seed=1000 + tone)
    audio = np.rint(voice + hum).astype("<i2")
    mark = probes.burst(tone, RATE)
    audio[: len(mark)] = mark
    step = int(delta_seconds * RATE)
    pieces = (audio[start : start + step].tobytes() for start in range(0, samples, step))
    return Answer(tone, samples, tuple(base64.b64encode(piece) for piece in pieces))


def event(kind: str, **fields: Any) -> bytes:
    """A server event as JSON; its `event_id` is unique among all of them."""
    return json.dumps({"type": kind, "event_id": f"event_{_next_number()}", **fields}).encode()


_numbers = iter(range(1, 2**62))


def _next_number() -> int:
    return next(_numbers)


class SpokenAnswer:
    """The events of one answer under its own ids, in the order of the GA protocol."""

    def __init__(self, answer: Answer, response_id: str, item_id: str) -> None:
        self.answer = answer
        self.item_id = item_id
        self._response_id = response_id
        self._ids: dict[str, Any] = {
            "response_id": response_id,
            "item_id": item_id,
            "output_index": 0,
            "content_index": 0,
        }

    def opening(self) -> list[bytes]:
        """What comes before the first audio."""
        item = self._item("in_progress", [])
        place = {"response_id": self._response_id, "output_index": 0}
        return [
            event("response.created", response=self._response("in_progress", [])),
            event("response.output_item.added", item=item, **place),
            event("conversation.item.added", item=item, previous_item_id=None),
            event(
                "response.content_part.added",
                part={"type": "audio", "transcript": ""},
                **self._ids,
            ),
        ]

    def delta(self, number: int) -> bytes:
        """One `response.output_audio.delta`, put together without looking at its audio."""
        head = event("response.output_audio.delta", **self._ids)
        return head[:-1] + b', "delta": "' + self.answer.deltas[number] + b'"}'

    def closing(self) -> list[bytes]:
        """What comes after the last audio of an answer that nobody cut."""
        text = "An answer made for measuring."
        content = [{"type": "output_audio", "transcript": text}]
        item = self._item("completed", content)
        place = {"response_id": self._response_id, "output_index": 0}
        return [
            event("response.output_audio.done", **self._ids),
            event("response.output_audio_transcript.done", transcript=text, **self._ids),
            event("response.output_item.done", item=item, **place),
            event("conversation.item.done", item=item, previous_item_id=None),
            event("response.done", response=self._response("completed", [item])),
        ]

    def cancelled(self) -> list[bytes]:
        """What ends an answer that the caller's speech cut while it was made."""
        item = self._item("incomplete", [{"type": "output_audio", "transcript": ""}])
        place = {"response_id": self._response_id, "output_index": 0}
        return [
            event("response.output_audio.done", **self._ids),
            event("response.output_item.done", item=item, **place),
            event("response.done", response=self._response("cancelled", [item])),
        ]

    def _item(self, status: str, content: list[Any]) -> dict[str, Any]:
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _response(self, status: str, output: list[Any]) -> dict[str, Any]:
        return {
            "id": self._response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": output,
            "output_modalities": ["audio"],
            "usage": None,
            "metadata": None,
        }
