"""What the present connection to the model holds of the conversation: items of its own making and
what it was told when it was fresh; and how these are corrected when the caller heard less.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from gateway.core.owed import Cut
from gateway.core.replay import Replay, ReplayBuffer
from gateway.core.tool_calls import ToolCall, ToolOutput
from gateway.core.transcript import Line, Transcript
from gateway.realtime import protocol

_CUT_ID = "talkpath_cut_"
"""``event_id`` of what a barge-in sends. The model may have moved on meanwhile, and refuse it."""

MAX_CARRIED = 200
"""Lines that a fresh connection to the model is told; the model would forget older ones anyway."""


class Handover:
    """One conversation across its connections.

    :param send: takes client events for the present connection.
    """

    def __init__(
        self,
        transcript: Transcript,
        replay: ReplayBuffer,
        send: Callable[[protocol.Event], None],
    ) -> None:
        self._transcript = transcript
        self._replay = replay
        self._send = send
        self._spoken: set[str] = set()
        """Answers that the present connection holds as audio, and can truncate."""
        self._known: set[str] = set()
        """Items that it holds: of its own making, or told as text."""
        self._cuts = 0
        self._unheard: deque[str] = deque()
        """Lines of the caller's whose audio the present connection hears again."""
        self._former_turns: frozenset[str] = frozenset()

    def briefing(self, known: set[str], *, final: bool) -> Iterator[protocol.Event]:
        """Events that tell what was said and is not in ``known``, which grows by it.

        :param final: only lines that cannot change any more; else also answers that are all there
            and not yet heard to their end.
        """
        lines = _carried([line for line in self._transcript.lines if _is_told(line, final)])
        last_known = max((i for i, line in enumerate(lines) if line.item_id in known), default=-1)
        previous = protocol.ROOT
        for index, line in enumerate(lines):
            if line.item_id not in known:
                known.add(line.item_id)
                before_others = previous if index < last_known else None
                yield _item(line, before_others)
            previous = line.item_id

    def take_over(self, known: set[str], *, turns: bool) -> Replay:
        """A fresh connection that knows these items carries the conversation: tell it the rest.

        :param turns: whether it must hear the turns that are not recognised.
        :return: what it must hear.
        """
        self._spoken.clear()
        self._known = known
        self._tell()
        waiting = frozenset(self._replay.waiting_items())
        replay = self._replay.replay(turns=turns)
        self._former_turns = frozenset() if turns else waiting
        self._unheard.extend(i for i in replay.item_ids if self._transcript.get(i) is not None)
        return replay

    def hear(self, replay: Replay) -> None:
        """Let the present connection hear again what it must."""
        for pcm in replay.steps:
            self._send(protocol.commit() if pcm is None else protocol.append(pcm))

    def _tell(self) -> None:
        for event in self.briefing(self._known, final=False):
            self._send(event)

    def place_spoken(self, item_id: str, previous_item_id: str | None = None) -> Line:
        """The line of a caller's spoken item; one that is heard again keeps its place."""
        if self._transcript.get(item_id) is None and self._unheard:
            self._transcript.rename(self._unheard.popleft(), item_id)
        return self._transcript.place(item_id, "user", previous_item_id)

    def spoken(self, item_id: str) -> None:
        """The present connection speaks an answer."""
        self._spoken.add(item_id)

    def holds(self, item_id: str) -> None:
        """The present connection took an item in, or made it: it is not told of it again."""
        self._known.add(item_id)

    def lost(self) -> None:
        """The present connection is gone, and what it held."""
        self._spoken.clear()
        self._known = set()

    def truncate(self, cut: Cut) -> None:
        """Make the model believe what the caller heard: no more, and nothing if it was nothing."""
        self._transcript.cut(cut.item_id, cut.heard_samples, cut.received_samples)
        if cut.item_id in self._spoken and cut.heard_ms > 0:
            self.send_cut(protocol.truncate_item(cut.item_id, cut.content_index, cut.heard_ms))
        elif cut.item_id in self._spoken | self._known:
            self.send_cut(protocol.delete_item(cut.item_id))
            line = self._transcript.get(cut.item_id)
            if line is not None and line.text and cut.item_id in self._known:
                self.send_cut(protocol.message_item(line.role, line.text, cut.item_id))

    def send_cut(self, event: protocol.Event) -> None:
        """Send what a barge-in asks of the model."""
        self._cuts += 1
        self._send({**event, "event_id": f"{_CUT_ID}{self._cuts}"})

    def is_cut(self, event_id: str) -> bool:
        """Whether an event was sent by :meth:`send_cut`."""
        return event_id.startswith(_CUT_ID)

    def is_former(self, event: protocol.Event) -> bool:
        """Whether an event of the connection before is one of its last words."""
        item_id = event.get("item_id")
        return event["type"] in protocol.TRANSCRIPTIONS and item_id in self._former_turns

    def former_said(self) -> None:
        """Some of its last words were put into the transcript."""
        self._tell()

    @property
    def awaits_words(self) -> bool:
        """Whether the connection before has still to say what it recognised."""
        return not self._former_turns.isdisjoint(self._replay.waiting_items())


def _is_told(line: Line, final: bool) -> bool:
    said = bool(line.text.strip()) or line.tool is not None
    return line.complete and said and (line.reported or not final)


def _carried(lines: list[Line]) -> list[Line]:
    """The last of them, but no tool's output without its call, which a server would refuse."""
    last = lines[-MAX_CARRIED:]
    called = {line.tool.call_id for line in last if isinstance(line.tool, ToolCall)}
    return [
        line
        for line in last
        if not isinstance(line.tool, ToolOutput) or line.tool.call_id in called
    ]


def _item(line: Line, previous_item_id: str | None) -> protocol.Event:
    match line.tool:
        case ToolCall():
            return protocol.function_call_item(line.tool, previous_item_id)
        case ToolOutput():
            return protocol.function_output_item(line.tool, previous_item_id)
    return protocol.message_item(line.role, line.text, line.item_id, previous_item_id)
