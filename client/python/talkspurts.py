"""Where somebody speaks in a recording: a plain energy detector.

The level of every 10 ms is held against one threshold for the whole recording:

- 35 dB under the loudest 10 ms (quiet consonants still count), but
- at least 6 dB over the background (the 5th percentile of the levels), as long as that leaves
  10 dB under the loudest, and
- never under -55 dBFS.

Loud moments of a single 10 ms are clicks and do not count. Loud stretches with less than `quiet_ms`
between them are one talkspurt, so that a pause for breath does not end a turn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.python.levels import Samples, frame_levels

_BELOW_PEAK_DB = 35.0
_ABOVE_BACKGROUND_DB = 6.0
_ROOM_UNDER_PEAK_DB = 10.0
_LEAST_DBFS = -55.0


@dataclass(frozen=True, slots=True)
class Talkspurt:
    """Samples `start` … `end` (first loud one, one past the last), to 10 ms."""

    start: int
    end: int


def find_talkspurts(samples: Samples, rate: int, *, quiet_ms: int = 700) -> list[Talkspurt]:
    """The talkspurts of `samples` in order, at least `quiet_ms` of quiet between any two."""
    frame = rate // 100
    if not len(samples):
        return []
    levels = frame_levels(samples, frame)
    loud = np.flatnonzero(_without_clicks(levels >= _threshold(levels)))
    if not len(loud):
        return []
    # The quiet between two loud frames is the frames that lie strictly between them.
    splits = np.flatnonzero(np.diff(loud) - 1 >= quiet_ms / 10) + 1
    return [
        Talkspurt(int(group[0]) * frame, min((int(group[-1]) + 1) * frame, len(samples)))
        for group in np.split(loud, splits)
    ]


def _threshold(levels: NDArray[np.float64]) -> float:
    peak = float(levels.max())
    background = float(np.percentile(levels, 5))
    over_background = min(background + _ABOVE_BACKGROUND_DB, peak - _ROOM_UNDER_PEAK_DB)
    return max(_LEAST_DBFS, peak - _BELOW_PEAK_DB, over_background)


def _without_clicks(loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Loud frames that have a loud neighbour."""
    padded = np.concatenate([[False], loud, [False]])
    kept: NDArray[np.bool_] = loud & (padded[:-2] | padded[2:])
    return kept
