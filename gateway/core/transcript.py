"""What was said, in the order of the conversation.

A model reports the two sides of a conversation as they become known: the caller's words are
recognised after the answer to them has begun, and an answer's text runs ahead of its voice. A line
is *final* when its text is complete and, for the agent's, when the caller has heard it or cut it
short. Final lines leave :meth:`Transcript.ready` in conversation order, so that a caller's line
never comes after its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.core.events import Message, MessageType
from gateway.core.media_time import SAMPLE_RATE, to_ms
from gateway.core.tool_calls import ToolCall, ToolOutput

Role = Literal["user", "assistant"]

PATIENCE = 10.0
"""Seconds a final line waits for an unfinished one before it; then the unfinished one is passed
over.
"""

MAX_LINES = 500
"""Lines kept; of more the oldest that were returned are forgotten."""

FASTEST_SPEECH = 20.0
"""Characters a second. While an answer's text is ahead of its audio, what was heard is not more
than this.
"""


@dataclass(slots=True)
class Line:
    """One item of the conversation. ``item_id`` is the model's; ``audio_end_ms`` is where a cut
    answer ended; ``keys`` were pressed in the place of words; ``tool`` is not said at all;
    ``guardrail`` is what was found against it, ``category`` and ``rationale``.
    """

    item_id: str
    role: Role
    text: str = ""
    spoken: bool = True
    agent: str = ""
    interrupted: bool = False
    audio_end_ms: int | None = None
    keys: str = ""
    guardrail: Mapping[str, str] | None = None
    tool: ToolCall | ToolOutput | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    heard: bool = False
    reported: bool = False
    waiting_since: float | None = None

    @property
    def final(self) -> bool:
        return self.complete and (self.role == "user" or self.heard or not self.spoken)

    def message(self, timestamp: int) -> Message:
        """The line as a door tells it. ``timestamp``: ms since the epoch."""
        data: dict[str, Any] = {}
        if self.interrupted:
            data["interrupted"] = True
        if self.audio_end_ms is not None:
            data["audioEndMs"] = self.audio_end_ms
        if self.keys:
            data["dtmf"] = self.keys
        if self.guardrail is not None:
            data["guardrail"] = dict(self.guardrail)
        kind: MessageType = "system" if self.keys else "audio" if self.spoken else "text"
        content = self.text.strip()
        return Message(
            self.item_id, kind, self.role, content, timestamp, self.agent, data, self.metadata
        )


class Transcript:
    """The lines of one conversation. ``now`` is in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._by_id: dict[str, Line] = {}

    def place(
        self,
        item_id: str,
        role: Role,
        previous_item_id: str | None = None,
        *,
        spoken: bool = True,
        agent: str = "",
    ) -> Line:
        """The line of an item, made behind ``previous_item_id`` if it is new (at the end if that is
        unknown).
        """
        line = self._by_id.get(item_id)
        if line is not None:
            return line
        line = Line(item_id, role, spoken=spoken, agent=agent)
        previous = self._by_id.get(previous_item_id) if previous_item_id else None
        if previous is None:
            self._lines.append(line)
        else:
            self._lines.insert(self._lines.index(previous) + 1, line)
        self._by_id[item_id] = line
        if len(self._lines) > MAX_LINES:
            self._forget_oldest()
        return line

    def record(self, step: ToolCall | ToolOutput) -> None:
        """A tool was called, or answered: part of the conversation, but nobody's words."""
        line = self.place(step.item_id, "assistant", spoken=False)
        line.tool = step
        line.complete = line.heard = True

    def _forget_oldest(self) -> None:
        oldest = next((line for line in self._lines if line.reported), None)
        if oldest is not None:
            self.remove(oldest.item_id)

    def rename(self, item_id: str, new_item_id: str) -> None:
        """An item is recognised anew, under another id: its line keeps its place, not its text."""
        line = self._by_id.get(item_id)
        if line is None or line.complete:
            return
        del self._by_id[item_id]
        line.item_id, line.text, line.waiting_since = new_item_id, "", None
        self._by_id[new_item_id] = line

    def get(self, item_id: str) -> Line | None:
        return self._by_id.get(item_id)

    def is_complete(self, item_id: str) -> bool:
        """Whether all text of an item is there."""
        line = self._by_id.get(item_id)
        return line is not None and line.complete

    def add_text(self, item_id: str, delta: str) -> None:
        """More of a line's text as it is spoken or recognised; not after it was cut."""
        line = self._by_id.get(item_id)
        if line is not None and not line.complete:
            line.text += delta

    def complete(self, item_id: str, text: str | None = None) -> None:
        """A line's text is all there; ``text`` replaces the deltas. A cut line keeps what was
        heard.
        """
        line = self._by_id.get(item_id)
        if line is None or line.interrupted:
            return
        if text is not None and not line.reported:
            line.text = text
        line.complete = True

    def mark_heard(self, item_id: str) -> None:
        """The last sample of an answer was sent to the caller."""
        line = self._by_id.get(item_id)
        if line is not None:
            line.heard = True

    def cut(self, item_id: str, heard_samples: int, received_samples: int) -> None:
        """An answer was cut: keep only what was heard (a whole number of words, by share of its
        audio).
        """
        line = self._by_id.get(item_id)
        if line is None or line.reported:
            return
        ahead = not line.complete
        line.text = _heard_part(line.text, heard_samples, received_samples, ahead=ahead)
        line.interrupted = line.complete = line.heard = True
        line.audio_end_ms = to_ms(heard_samples)

    def break_off(self, item_id: str, received_samples: int) -> None:
        """No more of a spoken answer will come: drop the text that ran ahead of its voice."""
        line = self._by_id.get(item_id)
        if line is not None and not line.complete:
            line.text = _heard_part(line.text, received_samples, received_samples, ahead=True)
            line.complete = True

    def remove(self, item_id: str) -> None:
        """The item was deleted from the conversation."""
        line = self._by_id.pop(item_id, None)
        if line is not None:
            self._lines.remove(line)

    def ready(self, now: float) -> list[Line]:
        """Lines that became final and whose turn it is, each returned once. Empty ones are passed
        over.

        A line recognised only after it was passed over is still returned: late, but not lost.
        """
        out: list[Line] = []
        blocked = False
        for line in self._lines:
            if line.reported:
                continue
            if not line.final:
                if line.waiting_since is None:
                    line.waiting_since = now
                blocked = blocked or not self._passed_over(line, now)
            elif not blocked:
                line.reported = True
                if line.text.strip():
                    out.append(line)
        return out

    def _passed_over(self, line: Line, now: float) -> bool:
        """Only a caller's line may be passed over: its recognition can fail without a word."""
        return (
            line.role == "user"
            and line.waiting_since is not None
            and now - line.waiting_since > PATIENCE
        )

    def finish(self) -> list[Line]:
        """The conversation is over: every line with any text that was not returned yet."""
        rest = [line for line in self._lines if not line.reported and line.text.strip()]
        for line in rest:
            line.reported = line.complete = True
        return rest

    @property
    def lines(self) -> tuple[Line, ...]:
        """The conversation so far, in order."""
        return tuple(self._lines)


def _heard_part(text: str, heard: int, received: int, *, ahead: bool) -> str:
    if heard <= 0 or received <= 0:
        return ""
    characters = len(text) * min(1.0, heard / received)
    if ahead:
        characters = min(characters, heard / SAMPLE_RATE * FASTEST_SPEECH)
    end = int(characters)
    if end >= len(text):
        return text
    boundary = text.rfind(" ", 0, end + 1)
    return text[: max(boundary, 0)].rstrip()
