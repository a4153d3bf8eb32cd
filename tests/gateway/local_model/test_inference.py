import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest

from gateway.local_model.inference import MOST_WAITING, InferencePool, Overloaded
from gateway.local_model.outputs import Work
from gateway.local_model.utterance import Piece


class Bench:
    """A pool of one thread that does nothing until it is let."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self.order: list[Work] = []
        self.failed: list[BaseException | None] = []
        self.finished = asyncio.Event()
        self._expected = 0
        self.pool = InferencePool(self._run, workers=1)

    def _run(self, work: Work) -> None:
        self.started.release()
        self.gate.acquire()
        assert isinstance(work, Piece)
        if work.failed:
            raise ValueError("no such sound")
        self.order.append(work)

    def submit(self, owner: str, *, urgent: bool = False, failing: bool = False) -> Piece:
        piece = Piece(np.zeros(1, np.int16), failed=failing)
        self.pool.submit(owner, piece, urgent=urgent, done=self._done)
        return piece

    def _done(self, work: Work, error: BaseException | None) -> None:
        self.failed.append(error)
        if len(self.failed) == self._expected:
            self.finished.set()

    async def run(self, count: int) -> None:
        """Let ``count`` pieces of work through, and wait until they are reported."""
        self._expected = len(self.failed) + count
        self.finished.clear()
        for _ in range(count):
            self.gate.release()
        async with asyncio.timeout(5):
            await self.finished.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    bench.pool.close()
    bench.gate.release()


async def test_owners_take_turns(bench: Bench) -> None:
    a1, a2, a3 = (bench.submit("a") for _ in range(3))
    b1, b2 = (bench.submit("b") for _ in range(2))
    assert bench.pool.depth == 4
    await bench.run(5)
    assert bench.order == [a1, a2, b1, a3, b2]
    assert bench.pool.depth == 0


async def test_urgent_work_goes_first(bench: Bench) -> None:
    running = bench.submit("a")
    idle, promoted, urgent = bench.submit("a"), bench.submit("b"), bench.submit("c", urgent=True)
    bench.pool.promote("b", promoted)
    await bench.run(4)
    assert bench.order[0] is running
    assert set(map(id, bench.order[1:3])) == {id(promoted), id(urgent)}
    assert bench.order[3] is idle


async def test_dropped_work_is_never_run(bench: Bench) -> None:
    running, dropped, kept = (bench.submit("a") for _ in range(3))
    gone = bench.submit("b")
    bench.pool.drop("a", dropped)
    bench.pool.drop_all("b")
    bench.pool.drop("c", gone)
    assert bench.pool.depth == 1
    await bench.run(2)
    assert bench.order == [running, kept]


async def test_a_failure_is_reported_and_the_next_is_run(bench: Bench) -> None:
    bench.submit("a", failing=True)
    fine = bench.submit("a")
    await bench.run(2)
    assert isinstance(bench.failed[0], ValueError)
    assert bench.failed[1] is None
    assert bench.order == [fine]


async def test_an_owner_may_not_fill_the_queue(bench: Bench) -> None:
    for _ in range(MOST_WAITING + 1):
        bench.submit("a")
    with pytest.raises(Overloaded):
        bench.submit("a")
    bench.submit("b")
    bench.pool.drop_all("a")


async def test_it_runs_beside_the_loop(bench: Bench) -> None:
    bench.submit("a")
    # The thread has it, and the loop is free to say so.
    assert await asyncio.to_thread(bench.started.acquire, timeout=5)
    assert bench.order == []
    await bench.run(1)
