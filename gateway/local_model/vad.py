"""Voice activity: where talkspurts begin and end in a stream of samples.

The state machine (the table `_TRANSITIONS`) sees one frame of 16 ms at a time:

    quiet    --voiced for 64 ms-------------> speaking   SpeechStarted
    speaking --unvoiced for 128 ms----------> pausing    SpeechPaused
    pausing  --voiced for 32 ms-------------> speaking   SpeechResumed
    pausing  --unvoiced for the hang-over---> quiet      SpeechStopped

A pause is where a turn may be ending: work on the answer can begin there, while the hang-over
(`silence_duration_ms`) decides. Positions are samples at 16 kHz since the stream began.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gateway.local_model.audio import RECOGNITION_RATE, Samples

FRAME = 256
"""Samples in a frame: 16 ms, the detector's own."""

_ONSET_FRAMES = 4
_PAUSE_FRAMES = 8
_RESUME_FRAMES = 2

Scorer = Callable[[Samples], float]
"""One frame of 16 kHz samples -> how much it is speech, 0 to 1; keeps state between frames."""


@dataclass(frozen=True)
class VadSettings:
    """`server_vad` of the Realtime protocol; durations in ms, `threshold` between 0 and 1."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500

    @property
    def prefix_samples(self) -> int:
        """Audio from before the first speech that belongs to the turn."""
        return self.prefix_padding_ms * RECOGNITION_RATE // 1000

    @property
    def hangover_frames(self) -> int:
        """Unvoiced frames that end a talkspurt, at least one."""
        return max(1, round(self.silence_duration_ms * RECOGNITION_RATE / 1000 / FRAME))


@dataclass(frozen=True)
class SpeechStarted:
    """Speech began; ``position`` is the first sample of the turn, prefix padding included."""

    position: int


@dataclass(frozen=True)
class SpeechPaused:
    """Unvoiced for a moment up to ``position``: the talkspurt may be over."""

    position: int


@dataclass(frozen=True)
class SpeechResumed:
    """It was not over."""

    position: int


@dataclass(frozen=True)
class SpeechStopped:
    """It is over; ``position`` is the turn's end, the silence that proved it included."""

    position: int


VadEvent = SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped


class _State(enum.Enum):
    QUIET = enum.auto()
    SPEAKING = enum.auto()
    PAUSING = enum.auto()


class VoiceActivity:
    """Feeds samples through a `Scorer` and reports talkspurts. Sans-IO."""

    def __init__(self, score: Scorer, settings: VadSettings, position: int = 0) -> None:
        """``position``: where the stream stands already; positions count on from there."""
        self.settings = settings
        self._score = score
        self._position = position
        self._floor = position
        self._rest = np.zeros(0, np.int16)
        self._state = _State.QUIET
        self._voiced = 0
        self._unvoiced = 0

    @property
    def speaking(self) -> bool:
        """Whether a talkspurt has started and not stopped."""
        return self._state is not _State.QUIET

    def forget(self) -> None:
        """Drop a talkspurt in progress without an event; the next turn starts no earlier."""
        self._state = _State.QUIET
        self._voiced = self._unvoiced = 0
        self._floor = self._position

    def feed(self, samples: Samples) -> list[VadEvent]:
        """Take 16 kHz samples; the events they caused, in order."""
        stream = np.concatenate([self._rest, samples])
        whole = len(stream) - len(stream) % FRAME
        self._rest = stream[whole:]
        events: list[VadEvent] = []
        for start in range(0, whole, FRAME):
            events += self._frame(stream[start : start + FRAME])
        return events

    def _frame(self, frame: Samples) -> list[VadEvent]:
        self._count(voiced=self._score(frame) >= self.settings.threshold)
        self._position += FRAME
        events: list[VadEvent] = []
        # A hang-over as short as a pause passes through both states in one frame.
        while (step := _TRANSITIONS[self._state](self)) is not None:
            self._state, event = step
            events.append(event)
        return events

    def _count(self, *, voiced: bool) -> None:
        if not voiced:
            self._voiced = 0
            self._unvoiced += 1
            return
        self._voiced += 1
        # One voiced frame is a click; it neither ends a pause nor prolongs the turn.
        if self._voiced >= _RESUME_FRAMES:
            self._unvoiced = 0

    def _from_quiet(self) -> tuple[_State, VadEvent] | None:
        if self._voiced < _ONSET_FRAMES:
            return None
        first_speech = self._position - self._voiced * FRAME
        start = max(self._floor, first_speech - self.settings.prefix_samples)
        self._unvoiced = 0
        return _State.SPEAKING, SpeechStarted(start)

    def _from_speaking(self) -> tuple[_State, VadEvent] | None:
        if self._unvoiced < min(_PAUSE_FRAMES, self.settings.hangover_frames):
            return None
        return _State.PAUSING, SpeechPaused(self._position)

    def _from_pausing(self) -> tuple[_State, VadEvent] | None:
        if self._voiced >= _RESUME_FRAMES:
            return _State.SPEAKING, SpeechResumed(self._position)
        if self._unvoiced < self.settings.hangover_frames:
            return None
        self._floor = self._position
        self._voiced = 0
        return _State.QUIET, SpeechStopped(self._position)


_TRANSITIONS: dict[_State, Callable[[VoiceActivity], tuple[_State, VadEvent] | None]] = {
    _State.QUIET: VoiceActivity._from_quiet,
    _State.SPEAKING: VoiceActivity._from_speaking,
    _State.PAUSING: VoiceActivity._from_pausing,
}


def earshot_scorer() -> Scorer:
    """A fresh detector for one stream (package ``earshot``): about 10 µs a frame."""
    import earshot

    score: Scorer = earshot.Detector().predict_i16
    return score
