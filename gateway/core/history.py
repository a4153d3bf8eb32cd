"""The last day, minute by minute, and what each agent did in it; all of a gateway's calls together.

Minutes and ``now`` are in seconds since 1970.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

MINUTES: Final = 24 * 60
MAX_WAITS: Final = 200
"""Turn latencies kept of a minute: enough for a percentile."""

MAX_AGENTS: Final = 64
"""Names of agents; those beyond are counted together."""

OTHERS: Final = "…"


@dataclass(slots=True)
class Minute:
    """:ivar at: seconds since 1970, a whole minute.
    :ivar live: the most calls at once.
    :ivar waits: ms that callers waited for an answer, in order.
    """

    at: int
    live: int = 0
    calls: int = 0
    turns: int = 0
    model_errors: int = 0
    tool_errors: int = 0
    cost_usd: float = 0.0
    waits: list[int] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {
            "at": 1000 * self.at,
            "calls": self.calls,
            "live": self.live,
            "turns": self.turns,
            "p50Ms": _percentile(self.waits, 0.5),
            "p95Ms": _percentile(self.waits, 0.95),
            "modelErrors": self.model_errors,
            "toolErrors": self.tool_errors,
            "costUsd": round(self.cost_usd, 6),
        }


@dataclass(slots=True)
class AgentFigures:
    """:ivar by_supervisor: answers that tools had a part in.
    :ivar filler_waits: ms from the end of a turn to the filler that bridged it.
    :ivar cost_usd: of calls while it was the one that answered.
    """

    answers: int = 0
    direct: int = 0
    by_supervisor: int = 0
    tools: int = 0
    tool_errors: int = 0
    fillers: int = 0
    cost_usd: float = 0.0
    filler_waits: list[int] = field(default_factory=list)

    def shown(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "answers": self.answers,
            "direct": self.direct,
            "bySupervisor": self.by_supervisor,
            "tools": self.tools,
            "toolErrors": self.tool_errors,
            "fillers": self.fillers,
            "fillerMs": _percentile(self.filler_waits, 0.5),
            "costUsd": round(self.cost_usd, 6),
        }


class History:
    """Minutes of a day, the quiet ones left out; agents since the gateway's start."""

    def __init__(self) -> None:
        self._minutes: deque[Minute] = deque()
        self._agents: dict[str, AgentFigures] = {}
        self._live = 0

    def minute(self, now: float) -> Minute:
        """The one that ``now`` is in."""
        at = int(now // 60) * 60
        if not self._minutes or self._minutes[-1].at < at:
            self._minutes.append(Minute(at, self._live))
        self._forget(at)
        return self._minutes[-1]

    def began(self, now: float) -> None:
        """A call."""
        self._live += 1
        minute = self.minute(now)
        minute.calls += 1
        minute.live = max(minute.live, self._live)

    def ended(self, now: float) -> None:
        """A call."""
        self.minute(now)
        self._live -= 1

    def answered(self, now: float, wait_ms: int) -> None:
        """An answer began, ``wait_ms`` after the caller's turn."""
        minute = self.minute(now)
        minute.turns += 1
        if len(minute.waits) < MAX_WAITS:
            insort(minute.waits, wait_ms)

    def agent(self, name: str) -> AgentFigures:
        """What the agent of that name did."""
        if name not in self._agents and len(self._agents) >= MAX_AGENTS:
            name = OTHERS
        return self._agents.setdefault(name, AgentFigures())

    def bridged(self, name: str, wait_ms: int | None) -> None:
        """An agent said a filler, ``wait_ms`` after the end of the caller's turn."""
        figures = self.agent(name)
        figures.fillers += 1
        if wait_ms is not None and len(figures.filler_waits) < MAX_WAITS:
            insort(figures.filler_waits, wait_ms)

    def minutes(self, now: float, since: float = 0.0) -> list[dict[str, Any]]:
        """Those of the last day, the oldest first; this one is always there.

        :param since: earlier ones are left out. They change no more.
        """
        self.minute(now)
        late = takewhile(lambda minute: minute.at >= since, reversed(self._minutes))
        return [minute.shown() for minute in late][::-1]

    def agents(self) -> list[dict[str, Any]]:
        return [figures.shown(name) for name, figures in sorted(self._agents.items())]

    def _forget(self, at: int) -> None:
        while self._minutes[0].at <= at - 60 * MINUTES:
            self._minutes.popleft()


def _percentile(ordered: list[int], share: float) -> int | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
