"""One turn of the caller on its way to text, in pieces a recogniser can take. Sans-IO.

A piece is recognised tentatively at every pause, because the turn may be over there; when the
caller goes on, that work is dropped, unless the piece is long enough to stand. So the text of a
turn is known when, or soon after, its hang-over ends, and a long turn is not recognised twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.local_model.audio import RECOGNITION_RATE, Samples

_STANDS = 4 * RECOGNITION_RATE
"""A piece this long before a pause is not joined with what follows. Longer ones are not understood
better, take longer, and now and then make the recogniser repeat itself."""
_LONGEST = 15 * RECOGNITION_RATE
"""A piece is cut off here even without a pause."""
_EARLIEST_CUT = 10 * RECOGNITION_RATE
"""Such a cut is made where it is quietest between this and `_LONGEST`."""
_QUIET_WINDOW = RECOGNITION_RATE // 10


@dataclass(eq=False)
class Piece:
    """Part of a turn; ``text`` is None until it was recognised."""

    samples: Samples
    """16 kHz."""
    draft: tuple[int, ...] = ()
    """The recogniser's tokens for the beginning of it, where it was recognised before."""
    text: str | None = None
    tokens: tuple[int, ...] = ()
    failed: bool = False


class Utterance:
    """Collects a turn's 16 kHz samples and says which pieces to recognise."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.samples = 0
        """Length of the turn so far."""
        self._tail: list[Samples] = []
        self._tail_length = 0
        self._tentative: Piece | None = None
        self._draft: tuple[int, ...] = ()

    @property
    def text(self) -> str | None:
        """The whole turn, the tentative end included; None while a piece of it is unknown."""
        texts = [piece.text for piece in self._all_pieces()]
        if self._tail_length and self._tentative is None:
            return None
        return None if None in texts else " ".join(text for text in texts if text)

    @property
    def failed(self) -> bool:
        """Whether a piece could not be recognised."""
        return any(piece.failed for piece in self._all_pieces())

    def extend(self, samples: Samples) -> list[Piece]:
        """More of the turn. Returns pieces that have become complete by their length."""
        self.samples += len(samples)
        self._tail.append(samples)
        self._tail_length += len(samples)
        complete = []
        while self._tail_length > _LONGEST and self._tentative is None:
            piece = Piece(self._take(_quietest_cut(self._joined_tail())))
            self._draft = ()
            self.pieces.append(piece)
            complete.append(piece)
        return complete

    def pause(self) -> Piece:
        """The turn may end here: returns the piece to recognise tentatively."""
        self._tentative = Piece(self._joined_tail(), self._draft)
        return self._tentative

    def resume(self) -> Piece | None:
        """It did not. Returns the piece whose recognition is of no use any more, if any."""
        tentative, self._tentative = self._tentative, None
        if tentative is None or len(tentative.samples) < _STANDS:
            self._draft = tentative.tokens if tentative else ()
            return tentative
        self._draft = ()
        self._take(len(tentative.samples))
        self.pieces.append(tentative)
        return None

    def finish(self) -> Piece | None:
        """The turn is over. Returns the piece still to be recognised, if any.

        What follows a tentative piece is the silence of the hang-over and adds nothing.
        """
        last, self._tentative = self._tentative, None
        known = last is not None
        if last is None and self._tail_length:
            last = Piece(self._joined_tail(), self._draft)
        if last is not None:
            self.pieces.append(last)
        self._tail, self._tail_length = [], 0
        return None if known else last

    def unknown_pieces(self) -> list[Piece]:
        """Pieces whose recognition is under way."""
        return [piece for piece in self._all_pieces() if piece.text is None]

    def _all_pieces(self) -> list[Piece]:
        return self.pieces if self._tentative is None else [*self.pieces, self._tentative]

    def _joined_tail(self) -> Samples:
        self._tail = [np.concatenate(self._tail)] if self._tail else [np.zeros(0, np.int16)]
        return self._tail[0]

    def _take(self, count: int) -> Samples:
        tail = self._joined_tail()
        self._tail, self._tail_length = [tail[count:]], self._tail_length - count
        return tail[:count]


def _quietest_cut(samples: Samples) -> int:
    """Where between `_EARLIEST_CUT` and `_LONGEST` the least is said."""
    span = samples[_EARLIEST_CUT:_LONGEST].astype(np.float64)
    energy = (span.reshape(-1, _QUIET_WINDOW) ** 2).sum(1)
    return _EARLIEST_CUT + int(energy.argmin()) * _QUIET_WINDOW + _QUIET_WINDOW // 2
