"""Which tools a model waits for, and when it is asked for the answer that follows.

Theory of operation. A response may call several tools. Their results come when they come; they are
given to the model in the order of the calls, and once the last one of that response is there an
answer is *owed*. It is asked for when the model is idle and the caller silent. A response that
begins meanwhile, say to a turn of the caller's, pays the debt if the model knew the results: it was
asked for after them, or the server had taken them in, which it tells of each item. Else the debt
stays, and is asked for later: no result is left unspoken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MAX_RUNNING = 16
"""Calls under way in one conversation."""

_REMEMBERED_CALLS = 256


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish: ``arguments`` as it wrote them. ``item_id`` is the model's."""

    call_id: str
    name: str
    arguments: str = field(repr=False)
    item_id: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool answered, as the model is told it. ``item_id`` is ours."""

    call_id: str
    text: str = field(repr=False)
    item_id: str


@dataclass(slots=True)
class _Batch:
    """The calls of one response, in their order, and results that wait for an earlier one's."""

    waiting: deque[str] = field(default_factory=deque)
    results: dict[str, ToolOutput] = field(default_factory=dict)
    over: bool = False
    """No more calls will come."""


class ToolCalls:
    """The tool calls of one conversation."""

    def __init__(self) -> None:
        self._batches: dict[str, _Batch] = {}
        self._known: deque[str] = deque(maxlen=_REMEMBERED_CALLS)
        self._unseen: set[str] = set()
        """Outputs that the server has yet to say it took in."""
        self._owed = False
        self._asked = False

    @property
    def at_rest(self) -> bool:
        """Whether no tool runs, and no answer is owed."""
        return not self._batches and not self._owed

    def called(self, call_id: str, response_id: str) -> bool:
        """The model calls a tool.

        :return: False: it is known; servers tell of a call more than once.
        """
        if call_id in self._known:
            return False
        self._known.append(call_id)
        self._batches.setdefault(response_id, _Batch()).waiting.append(call_id)
        return True

    def finished(self, output: ToolOutput) -> list[ToolOutput]:
        """A tool is done, in whatever way; those that can be given to the model now, in order."""
        for response_id, batch in self._batches.items():
            if output.call_id in batch.waiting:
                batch.results[output.call_id] = output
                return self._release(response_id, batch)
        return []

    def _release(self, response_id: str, batch: _Batch) -> list[ToolOutput]:
        ready: list[ToolOutput] = []
        while batch.waiting and batch.waiting[0] in batch.results:
            ready.append(batch.results.pop(batch.waiting.popleft()))
        self._unseen.update(output.item_id for output in ready)
        self._settle(response_id, batch)
        return ready

    def _settle(self, response_id: str, batch: _Batch) -> None:
        if batch.over and not batch.waiting:
            del self._batches[response_id]
            self._owed, self._asked = True, False

    def response_over(self, response_id: str) -> bool:
        """The model ended a response, or the server did.

        :return: whether it waits for tools.
        """
        batch = self._batches.get(response_id)
        if batch is None:
            return False
        batch.over = True
        self._settle(response_id, batch)
        return bool(batch.waiting)

    def seen(self, item_id: str) -> None:
        """The server took an item in."""
        self._unseen.discard(item_id)

    def response_started(self) -> bool:
        """The model begins an answer.

        :return: whether it answers with what the tools said.
        """
        if not self._owed or (self._unseen and not self._asked):
            return False
        self._owed = self._asked = False
        return True

    def connection_changed(self) -> None:
        """Another connection carries the conversation, or will: no response of the one before goes
        on, and the fresh one is told every result before anything is asked of it.
        """
        self._unseen.clear()
        for response_id in list(self._batches):
            self.response_over(response_id)

    def forgive(self) -> None:
        """No answer is wanted to the results that there are."""
        self._owed = False

    def ask(self, *, idle: bool) -> bool:
        """Whether to ask for the answer now; it then counts as asked for.

        :param idle: the model makes no answer, none is on its way, and the caller is silent.
        """
        if not self._owed or self._asked or not idle:
            return False
        self._asked = True
        return True
