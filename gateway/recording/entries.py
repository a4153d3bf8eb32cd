"""What the event loop hands to the recorder's thread, in order. ``now`` and ``at`` are seconds
of the loop's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core.events import Message
from gateway.core.tape import TapedCall


@dataclass(slots=True)
class CallerSound:
    """Arrived at ``now``."""

    pcm: bytes
    now: float


@dataclass(slots=True)
class AgentSound:
    """A part of an item, played at ``at``; ``fresh``: nothing was played before it."""

    pcm: bytes
    at: float
    item_id: str
    fresh: bool


@dataclass(slots=True)
class AgentRecalled:
    """The last samples of the agent's will not be played."""

    samples: int


@dataclass(slots=True)
class CallerTurn:
    """The caller began (or ended) to speak: behind so many samples of the caller's; None: now."""

    item_id: str
    begins: bool
    appended: int | None
    now: float


@dataclass(slots=True)
class Words:
    """More of a line, as it is recognised, or spoken."""

    item_id: str
    role: str
    delta: str


@dataclass(slots=True)
class CutOff:
    """An answer was cut: what there is of it in words, but for its final line, was not heard."""

    item_id: str


@dataclass(slots=True)
class Said:
    """A line is final."""

    line: Message
    now: float


@dataclass(slots=True)
class Happened:
    """Anything else, ready for JSON."""

    event: Mapping[str, Any]
    now: float


@dataclass(slots=True)
class Taped:
    """A call into core."""

    call: TapedCall


Sound = CallerSound | AgentSound | AgentRecalled
Entry = Sound | CallerTurn | Words | CutOff | Said | Happened | Taped
