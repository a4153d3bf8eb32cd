"""The clock of a session."""

from __future__ import annotations

import asyncio
import time

from gateway.heartbeat import heartbeat


async def test_beats_keep_their_grid_and_those_missed_are_gone() -> None:
    loop, beats = asyncio.get_running_loop(), list[float]()
    third = loop.create_future()

    def beat(now: float) -> None:
        beats.append(now)
        if len(beats) == 1:
            time.sleep(0.12)  # a stalled process
        if len(beats) == 3 and not third.done():
            third.set_result(None)

    started = loop.time()
    task = asyncio.create_task(heartbeat(beat, 0.05))
    async with asyncio.timeout(5.0):
        await third
    task.cancel()
    await asyncio.wait([task])
    assert beats[0] - started >= 0.05
    assert beats[1] - beats[0] >= 0.12
    assert beats[2] - beats[1] >= 0.04, "no burst after the stall"
