from __future__ import annotations

import asyncio

from gateway import call_levels
from gateway.call_levels import CallLevels, Levels
from gateway.core.media_time import FRAME_SAMPLES
from gateway.core.playout import Playout
from gateway.core.replay import ReplayBuffer

LOUD = b"\0\x40" * FRAME_SAMPLES
"""Half of full scale: -6 dBFS."""


async def test_both_sides_are_measured_from_the_first_look_on() -> None:
    playout, replay, now = Playout(), ReplayBuffer(), asyncio.get_running_loop().time()
    levels = CallLevels(playout, replay)
    replay.append(LOUD, now)
    assert playout.taps == replay.taps == ()
    assert levels.look() == Levels(None, None)
    assert levels.look() == Levels(None, None)
    assert playout.taps == replay.taps == (levels,)
    replay.append(LOUD, now)
    told = levels.look()
    assert told.caller is not None
    assert -6.1 < told.caller < -6.0
    assert told.agent is None
    playout.push("item", LOUD * 2)
    playout.next_frame(now)
    playout.interrupt(now)
    assert levels.look().agent == told.caller


async def test_nothing_is_measured_some_time_after_the_last_look() -> None:
    playout, replay, now = Playout(), ReplayBuffer(), asyncio.get_running_loop().time()
    levels = CallLevels(playout, replay)
    levels.look()
    replay.append(LOUD, now + call_levels.LOOKED_AT - 0.1)
    assert replay.taps == (levels,)
    replay.append(LOUD, now + call_levels.LOOKED_AT + 0.1)
    assert playout.taps == replay.taps == ()
    levels.look()
    assert playout.taps == replay.taps == (levels,)
