"""Trials of barge-in: the model says that the caller speaks, and the agent has to be silent."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from client.python.bench.agent import OPENING_SECONDS, Voice
from client.python.bench.call import BenchCall
from client.python.bench.figures import BargeIns, histogram, summarise

_EARLIEST_CUT = 0.3
"""Seconds after an answer's first delta."""
_LISTEN_SECONDS = 0.6
"""After the event; audio that still comes at the end of it will not stop."""
_SILENCE_SECONDS = 0.2
_PAUSE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds. `stop`: from the event to the last audible packet; None: it went on.
    `truncation_error`: None if the model was told nothing."""

    stop: float | None
    truncation_error: float | None


async def try_barge_ins(call: BenchCall, voice: Voice, count: int, seed: int) -> list[Trial]:
    """`count` answers of `call`, each cut at a moment that has nothing to do with its frames.

    An answer of which nothing was heard is no trial.
    """
    moments = random.Random(seed)
    trials = []
    for _ in range(count):
        cut_after = moments.uniform(_EARLIEST_CUT, max(_EARLIEST_CUT, voice.answer - 0.7))
        trial = await _try_once(call, cut_after)
        if trial is not None:
            trials.append(trial)
    return trials


async def _try_once(call: BenchCall, cut_after: float) -> Trial | None:
    call.forget_answer()
    call.agent.speak()
    await asyncio.sleep(OPENING_SECONDS + cut_after)
    cut_at = call.agent.speech_started()
    await asyncio.sleep(_LISTEN_SECONDS)
    heard, truncation = call.reception.answer, call.truncation
    ended_at = time.monotonic()
    call.agent.speech_stopped()
    await asyncio.sleep(_PAUSE_SECONDS)
    if heard is None:
        return None
    error = None
    if truncation is not None and truncation.item_id == call.agent.item_id:
        error = truncation.audio_end_ms / 1000 - heard.seconds
    if ended_at - heard.last_audible_at < _SILENCE_SECONDS:
        return Trial(None, error)
    return Trial(max(0.0, heard.last_audible_at - cut_at), error)


def judge(trials: list[Trial]) -> BargeIns:
    """All trials of all calls."""
    errors = [t.truncation_error for t in trials if t.truncation_error is not None]
    return BargeIns(
        stop_ms=summarise(t.stop for t in trials if t.stop is not None),
        never=sum(t.stop is None for t in trials),
        truncation_error_ms=summarise(map(abs, errors)),
        truncation_histogram=histogram(errors),
        untold=sum(t.truncation_error is None for t in trials),
    )
