"""What a session asks of the world: events to send and inference to run. Sans-IO."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.local_model.server_events import Event
from gateway.local_model.speech import Speech
from gateway.local_model.utterance import Piece

Work = Piece | Speech
"""Something for inference: audio to text, or text to audio. The result is put into it."""


@dataclass(frozen=True)
class Send:
    """Send this event."""

    event: Event


@dataclass(frozen=True)
class Run:
    """Run this inference; work that is not urgent prepares for what may not come."""

    work: Work
    urgent: bool


@dataclass(frozen=True)
class Promote:
    """This work has become urgent."""

    work: Work


@dataclass(frozen=True)
class Drop:
    """Nobody waits for this work any more."""

    work: Work


@dataclass(frozen=True)
class Hangup:
    """Send what is waiting, then close the connection."""

    code: int
    reason: str


Output = Send | Run | Promote | Drop | Hangup


class Outbox:
    """Outputs in order; taken by whoever drives the session."""

    def __init__(self) -> None:
        self._outputs: deque[Output] = deque()
        self._sequence = itertools.count(1)

    def send(self, event: Event) -> None:
        """Number the event and queue it."""
        event_id = f"event_{next(self._sequence):08d}"
        self._outputs.append(Send({"event_id": event_id, **event}))

    def put(self, output: Output) -> None:
        """Queue anything else."""
        self._outputs.append(output)

    def take(self) -> Iterator[Output]:
        """All outputs so far, each once."""
        while self._outputs:
            yield self._outputs.popleft()
