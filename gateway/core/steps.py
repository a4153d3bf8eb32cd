"""How long the steps of an answer take: a session's own statistics, of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_STEPS: Final = 64
"""Names kept; steps of other names are not timed."""

TURN: Final = "turn"
"""From the end of the caller's turn to the first sound of the answer."""

FILLER: Final = "filler"
"""From the request of a filler phrase to its first words."""

SUPERVISOR: Final = "supervisor"
"""The tool by which a junior agent asks its supervisor."""


def tool_step(name: str) -> str:
    """The step of a tool."""
    return f"tool:{name}"


@dataclass(frozen=True, slots=True)
class StepTime:
    """Times of one step, in ms."""

    count: int
    last_ms: int
    mean_ms: int
    max_ms: int


@dataclass(slots=True)
class _Sum:
    count: int = 0
    last: float = 0.0
    total: float = 0.0
    longest: float = 0.0


class StepTimes:
    """Times in seconds, by the step's name."""

    def __init__(self) -> None:
        self._steps: dict[str, _Sum] = {}

    def add(self, step: str, seconds: float) -> None:
        """A step took so long."""
        if step not in self._steps and len(self._steps) >= MAX_STEPS:
            return
        times = self._steps.setdefault(step, _Sum())
        times.count += 1
        times.last = seconds
        times.total += seconds
        times.longest = max(times.longest, seconds)

    def last_ms(self, step: str) -> int | None:
        """How long it took the last time; None: it was not seen yet."""
        times = self._steps.get(step)
        return None if times is None else round(1000 * times.last)

    def report(self) -> Mapping[str, StepTime]:
        """All of them, in the order in which they were first seen."""
        return {
            step: StepTime(
                times.count,
                round(1000 * times.last),
                round(1000 * times.total / times.count),
                round(1000 * times.longest),
            )
            for step, times in self._steps.items()
        }
