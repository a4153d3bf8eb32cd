"""How an answer came about: the marks on its way from the end of the caller's turn to the caller's
ear. ``now`` is in seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """Seconds of a monotonic clock, in this order.

    :ivar ended_at: the caller's turn was over.
    :ivar model_at: the model began a response; with tools, the first one.
    :ivar delta_at: the first sound of the answer came.
    :ivar packet_at: the first of it was sent to the caller; None: it was not ours to play.
    """

    ended_at: float
    model_at: float
    delta_at: float
    packet_at: float | None


class TurnMarks:
    """The marks of the turn that is answered now; each is set once, and a new turn forgets them."""

    def __init__(self) -> None:
        self._ended_at: float | None = None
        self._model_at: float | None = None
        self._delta_at: float | None = None

    def turn_ended(self, now: float) -> None:
        """The caller's turn is over."""
        self._ended_at = now
        self._model_at = self._delta_at = None

    def model_began(self, now: float) -> None:
        """The model answers."""
        # Behind the first sound it is a response that follows.
        if self._model_at is None and self._delta_at is None:
            self._model_at = now

    def sounded(self, now: float) -> float | None:
        """Sound of the answer came.

        :return: how long the caller waited for it; None: it is not the first.
        """
        if self._ended_at is None or self._delta_at is not None:
            return None
        self._delta_at = now
        return now - self._ended_at

    def cut(self) -> None:
        """What was to be answered will not be, or not to its end."""
        self._ended_at = None

    def sent(self, now: float) -> TurnTimes | None:
        """The caller is sent the first of the answer. The marks, where nothing was sent before."""
        return self._complete(now)

    def over(self) -> TurnTimes | None:
        """The answer is complete, and not ours to play."""
        return self._complete(None)

    def _complete(self, packet_at: float | None) -> TurnTimes | None:
        ended_at, delta_at = self._ended_at, self._delta_at
        if ended_at is None or delta_at is None:
            return None
        self._ended_at = None
        # A server that leaves ``response.created`` out answers all the same.
        model_at = delta_at if self._model_at is None else self._model_at
        return TurnTimes(ended_at, model_at, delta_at, packet_at)
