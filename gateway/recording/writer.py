"""One call on its way to the disk, in the recorder's thread. What the disk does not take is
counted, and the call's time goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.core.media_time import SAMPLE_RATE
from gateway.core.stereo import StereoLine
from gateway.recording import folder as layout
from gateway.recording.entries import (
    AgentRecalled,
    AgentSound,
    CallerSound,
    CallerTurn,
    CutOff,
    Entry,
    Happened,
    Said,
    Taped,
    Words,
)
from gateway.recording.files import LineFile, Locked, replace_json
from gateway.recording.sound import SoundFile, SoundFormat, open_sound

log = structlog.get_logger(__name__)

HOLD: Final = SAMPLE_RATE * 3 // 10
"""Samples that wait for what may come late, or be recalled."""

MAX_SPANS: Final = 256
"""Items whose times are kept until their line is final."""

_FILE_ERRORS: Final = (OSError, Locked)


class CallWriter:
    """Writes one call's folder.

    :param about: what ``recording.json`` says of the call, but for its end.
    :param anchor: seconds of the loop's clock at which the call begins.
    :param packets: keep the calls into core, too.
    """

    def __init__(
        self,
        root: Path,
        session_id: str,
        about: dict[str, Any],
        anchor: float,
        form: SoundFormat,
        *,
        packets: bool,
    ) -> None:
        self._id = session_id
        self._folder = root / session_id
        self._about = about
        self._line = StereoLine(anchor)
        self._spans: dict[str, list[int]] = {}
        self._sound: SoundFile | None = None
        self._events: LineFile | None = None
        self._words: LineFile | None = None
        self._packets: LineFile | None = None
        self.lost_samples = 0
        """That the disk did not take, or that came too early by too much."""
        self.lost_lines = 0
        self._told = False
        try:
            layout.make_folder(root, session_id)
            # The first one: its lock says that the folder is alive.
            self._events = LineFile(self._folder / layout.EVENTS)
            self._words = LineFile(self._folder / layout.WORDS)
            replace_json(self._folder / layout.ABOUT, about)
            self._packets = LineFile(self._folder / layout.PACKETS) if packets else None
            self._sound = open_sound(self._folder, form)
        except _FILE_ERRORS as error:
            self._tell(error)

    def take(self, entries: Iterable[Entry], now: float) -> None:
        """What came since the last time; all of what was heard until :data:`HOLD` ago is on the
        disk then.
        """
        events: list[Any] = []
        words: list[Any] = []
        packets: list[Any] = []
        for entry in entries:
            match entry:
                case CallerSound(pcm, at):
                    self._line.caller(pcm, at)
                case AgentSound():
                    self._take_agent(entry)
                case AgentRecalled(samples):
                    self._recall(samples)
                case CallerTurn():
                    self._take_turn(entry)
                case Words(item_id, role, delta):
                    _add_words(words, item_id, role, delta)
                case CutOff(item_id):
                    words.append({"cut": item_id})
                case Said():
                    words.append({"line": self._told_line(entry)})
                case Happened(event, at):
                    events.append({"at": self._line.position(at), **event})
                case Taped(call):
                    packets.append(call.line())
        self._write_sound(self._line.position(now) - HOLD)
        for file, lines in (
            (self._events, events),
            (self._words, words),
            (self._packets, packets),
        ):
            self._write_lines(file, lines)

    def close(self, entries: Iterable[Entry], now: float, reason: str) -> None:
        """The call is over."""
        self.take(entries, now)
        self._write_sound(max(self._line.position(now), self._line.end))
        samples = self._line.taken
        ended = self._about["startedAt"] + samples * 1000 // SAMPLE_RATE
        lost = {"lostSamples": self.lost_samples + self._line.dropped, "lostLines": self.lost_lines}
        about = {**self._about, "endedAt": ended, "samples": samples, "reason": reason, **lost}
        for file in (self._sound, self._words, self._packets):
            try:
                if file is not None:
                    file.close()
            except OSError as error:
                self._tell(error)
        try:
            if self._events is not None:
                layout.finish_transcript(self._folder)
                replace_json(self._folder / layout.ABOUT, about)
        except OSError as error:
            self._tell(error)
        finally:
            if self._events is not None:
                self._events.close()

    # -- what is where

    def _take_agent(self, sound: AgentSound) -> None:
        start = self._line.agent(sound.pcm, sound.at, fresh=sound.fresh)
        end = start + len(sound.pcm) // 2
        span = self._spans.get(sound.item_id)
        if span is None:
            self._begin_span(sound.item_id, start, end)
        else:
            span[1] = end

    def _recall(self, samples: int) -> None:
        end = self._line.agent_recall(samples)
        for span in self._spans.values():
            if span[1] > end:
                span[:] = [min(span[0], end), end]

    def _take_turn(self, turn: CallerTurn) -> None:
        now = self._line.position(turn.now)
        at = now
        if turn.appended is not None:
            # Of a file that was sent at once, the rest lies ahead of now.
            at = min(self._line.caller_position(turn.appended), max(now, self._line.end))
        if turn.begins:
            self._begin_span(turn.item_id, at, at)
        elif (span := self._spans.get(turn.item_id)) is not None:
            span[1] = max(span[0], at)

    def _begin_span(self, item_id: str, start: int, end: int) -> None:
        if len(self._spans) >= MAX_SPANS:
            del self._spans[next(iter(self._spans))]
        self._spans[item_id] = [start, end]

    def _told_line(self, said: Said) -> dict[str, Any]:
        """A final line: times in samples of the recording."""
        line, now = said.line, self._line.position(said.now)
        start, end = self._spans.pop(line.item_id, (now, now))
        told: dict[str, Any] = {
            "id": line.item_id,
            "role": line.role,
            "type": line.type,
            "text": line.content,
            "start": start,
            "end": end,
            "timestamp": line.timestamp,
        }
        if line.agent:
            told["agent"] = line.agent
        return {**told, **line.data, "metadata": dict(line.metadata)}

    # -- to the disk

    def _write_sound(self, until: int) -> None:
        left, right = self._line.take(until)
        if self._sound is None:
            self.lost_samples += len(left) // 2
            return
        before = self._sound.lost
        try:
            if left:
                self._sound.write(left, right)
        except OSError as error:
            self.lost_samples += self._sound.lost - before
            self._tell(error)

    def _write_lines(self, file: LineFile | None, lines: Sequence[Any]) -> None:
        if not lines:
            return
        try:
            if file is not None:
                file.append(list(lines))
                return
        except (OSError, ValueError) as error:
            self._tell(error)
        self.lost_lines += len(lines)

    def _tell(self, error: Exception) -> None:
        """Once for a call: a disk that is full is full for a while."""
        if not self._told:
            self._told = True
            log.error("recording is not whole", session=self._id, reason=str(error))


def _add_words(words: list[Any], item_id: str, role: str, delta: str) -> None:
    last = words[-1] if words else {}
    if last.get("id") == item_id:
        last["delta"] += delta
    else:
        words.append({"id": item_id, "role": role, "delta": delta})
