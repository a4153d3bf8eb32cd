"""The input audio buffer: from appended bytes to turns. Sans-IO.

Its time line is that of the protocol: everything appended in the session, counted in samples at
16 kHz whatever the format, never set back by a commit or a clear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gateway.local_model.audio import RECOGNITION_RATE, AudioFormat, Samples
from gateway.local_model.utterance import Piece, Utterance
from gateway.local_model.vad import (
    Scorer,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    VadEvent,
    VadSettings,
    VoiceActivity,
)
from gateway.media.resample import Resampler

_MOST_BUFFERED = 15 * 1024 * 1024
"""Bytes that may wait for a commit: five minutes of PCM."""
_KEPT_WHEN_QUIET = 30 * RECOGNITION_RATE
"""With voice activity on, what is kept of audio in which nobody speaks."""
_LONGEST_TURN = 120 * RECOGNITION_RATE
"""A turn by voice activity is ended here (a radio is no talkspurt that ends)."""
_SLICE_MS = 500
"""Audio taken at once: 32 frames of voice activity, well under a millisecond of work."""


@dataclass(frozen=True)
class Recording:
    """A turn's audio as the client sent it, and its way to text."""

    audio: bytes
    format: AudioFormat
    utterance: Utterance


@dataclass(frozen=True)
class TurnStarted:
    """The caller speaks since ``at`` (16 kHz samples, prefix padding included)."""

    at: int


@dataclass(frozen=True)
class TurnPaused:
    """The turn may be over: its last piece is being recognised tentatively."""


@dataclass(frozen=True)
class TurnStopped:
    """The turn ended at ``at`` (16 kHz samples, hang-over included)."""

    at: int
    recording: Recording


@dataclass(frozen=True)
class PieceReady:
    """A piece of the turn is to be recognised."""

    piece: Piece
    tentative: bool


@dataclass(frozen=True)
class PieceDropped:
    """A piece's text is of no use any more."""

    piece: Piece


Heard = TurnStarted | TurnPaused | TurnStopped | PieceReady | PieceDropped


class BufferFull(Exception):
    """More was appended than may wait for a commit."""


class Hearing:
    """Appended audio in, turns out."""

    def __init__(
        self, new_scorer: Callable[[], Scorer], audio_format: AudioFormat, vad: VadSettings | None
    ) -> None:
        """``vad`` None: turns end when the client commits."""
        self._new_scorer = new_scorer
        self._format = audio_format
        self._resampler = Resampler(audio_format.rate, RECOGNITION_RATE)
        self._appended = b""
        self._read = 0
        self._sent = _Track(audio_format.rate, audio_format.sample_size)
        self._wide = _Track(RECOGNITION_RATE, 2)
        self._utterance: Utterance | None = None
        self._activity: VoiceActivity | None = None
        self._set_vad(vad)

    @property
    def position(self) -> int:
        """Samples at 16 kHz since the session began."""
        return self._wide.end

    @property
    def buffered_ms(self) -> int:
        """Length of what a commit would take."""
        return self._sent.length * 1000 // RECOGNITION_RATE

    @property
    def speaking(self) -> bool:
        """Whether voice activity is inside a turn."""
        return self._activity is not None and self._activity.speaking

    @property
    def utterance(self) -> Utterance | None:
        """The turn in progress."""
        return self._utterance

    @property
    def has_unread(self) -> bool:
        """Whether `read` has work left."""
        return self._read < len(self._appended)

    def configure(self, audio_format: AudioFormat, vad: VadSettings | None) -> list[Heard]:
        """Change the format or the turn detection.

        Another format, and turn detection going on or off, empty the buffer; other settings hold
        from the next frame on, also within a turn.
        """
        heard: list[Heard] = []
        if audio_format is not self._format:
            heard += self.clear()
            self._format = audio_format
            self._resampler = Resampler(audio_format.rate, RECOGNITION_RATE)
            self._sent = _Track(audio_format.rate, audio_format.sample_size, self.position)
        if vad is not None and self._activity is not None:
            self._activity.settings = vad
        elif vad is not None or self._activity is not None:
            heard += self.clear()
            self._set_vad(vad)
        return heard

    def append(self, data: bytes) -> None:
        """Take whole samples in the session's format; they are looked at by `read`.

        Raises `BufferFull`.
        """
        if self._activity is None and self._sent.size + len(data) > _MOST_BUFFERED:
            raise BufferFull
        self._appended, self._read = self._appended[self._read :] + data, 0

    def read(self) -> list[Heard]:
        """Look at the next slice of appended audio; call while `has_unread`."""
        size = self._format.rate * _SLICE_MS // 1000 * self._format.sample_size
        data = self._appended[self._read : self._read + size]
        self._read += size
        self._sent.append(data)
        wide = self._resampler(self._format.decode(data))
        self._wide.append(wide.tobytes())
        if self._activity is None:
            return self._collect(self._wide.end)
        heard: list[Heard] = []
        for event in self._activity.feed(wide):
            heard += self._turn(event)
        heard += self._end_of_slice()
        return heard

    def commit(self) -> tuple[Recording, list[Heard]]:
        """Everything buffered as one turn, and what is to be recognised of it."""
        heard = self._collect(self._wide.end)
        if self._activity is not None:
            self._activity.forget()
        utterance = self._utterance or Utterance()
        last = utterance.finish()
        if last is not None:
            heard.append(PieceReady(last, tentative=False))
        recording = Recording(self._sent.everything(), self._format, utterance)
        self._utterance = None
        self._empty()
        return recording, heard

    def clear(self) -> list[Heard]:
        """Drop what was appended, a turn in progress included."""
        self._appended, self._read = b"", 0
        heard = self._drop_utterance()
        if self._activity is not None:
            self._activity.forget()
        self._empty()
        return heard

    def _empty(self) -> None:
        position = self.position
        self._sent.restart(position)
        self._wide.restart(position)

    def _set_vad(self, vad: VadSettings | None) -> None:
        self._activity = (
            VoiceActivity(self._new_scorer(), vad, self.position) if vad is not None else None
        )

    def _turn(self, event: VadEvent) -> list[Heard]:
        match event:
            case SpeechStarted(position):
                self._utterance = Utterance()
                self._sent.forget(position)
                self._wide.forget(position)
                return [TurnStarted(position)]
            case SpeechPaused(position):
                heard = self._collect(position)
                piece = self._started.pause()
                return [*heard, PieceReady(piece, tentative=True), TurnPaused()]
            case SpeechResumed():
                dropped = self._started.resume()
                return [PieceDropped(dropped)] if dropped else []
            case SpeechStopped(position):
                return self._stop(position)

    def _stop(self, position: int) -> list[Heard]:
        heard = self._collect(position)
        last = self._started.finish()
        if last is not None:
            heard.append(PieceReady(last, tentative=False))
        recording = Recording(self._sent.until(position), self._format, self._started)
        self._utterance = None
        self._sent.forget(position)
        self._wide.forget(position)
        return [*heard, TurnStopped(position, recording)]

    def _end_of_slice(self) -> list[Heard]:
        if not self.speaking:
            self._sent.forget(self.position - _KEPT_WHEN_QUIET)
            self._wide.forget(self.position - _KEPT_WHEN_QUIET)
            return []
        if self.position - self._sent.start < _LONGEST_TURN:
            return self._collect(self.position)
        assert self._activity is not None
        self._activity.forget()
        return self._stop(self.position)

    @property
    def _started(self) -> Utterance:
        assert self._utterance is not None, "voice activity reports a turn's start first"
        return self._utterance

    def _collect(self, position: int) -> list[Heard]:
        """Bring the turn's utterance up to ``position``."""
        if self._utterance is None:
            self._utterance = Utterance()
        utterance = self._utterance
        begin = self._wide.start + utterance.samples
        if self._activity is None:
            # Without voice activity nobody looks back: the track holds only what is new.
            begin = self._wide.start
        samples = self._wide.between(begin, position)
        if self._activity is None:
            self._wide.forget(position)
        complete = utterance.extend(samples)
        return [PieceReady(piece, tentative=False) for piece in complete]

    def _drop_utterance(self) -> list[Heard]:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        return [PieceDropped(piece) for piece in utterance.unknown_pieces()]


class _Track:
    """Bytes of audio with places on the 16 kHz time line; the front can be forgotten."""

    def __init__(self, rate: int, sample_size: int, start: int = 0) -> None:
        self._rate, self._sample_size = rate, sample_size
        self.start = start
        self._data = bytearray()

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self._data)

    @property
    def length(self) -> int:
        """Time held, in 16 kHz samples."""
        return len(self._data) // self._sample_size * RECOGNITION_RATE // self._rate

    @property
    def end(self) -> int:
        """Where the next byte will lie."""
        return self.start + self.length

    def append(self, data: bytes) -> None:
        self._data += data

    def everything(self) -> bytes:
        return bytes(self._data)

    def until(self, position: int) -> bytes:
        return bytes(self._data[: self._offset(position)])

    def between(self, begin: int, end: int) -> Samples:
        """As 16-bit samples; only for a track of them."""
        return np.frombuffer(self._data[self._offset(begin) : self._offset(end)], np.int16)

    def forget(self, position: int) -> None:
        """Drop what lies before ``position``."""
        if position > self.start:
            del self._data[: self._offset(position)]
            self.start = position

    def restart(self, position: int) -> None:
        """Drop everything; the next byte will lie at ``position``."""
        self._data.clear()
        self.start = position

    def _offset(self, position: int) -> int:
        return (position - self.start) * self._rate // RECOGNITION_RATE * self._sample_size
