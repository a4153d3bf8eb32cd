from __future__ import annotations

import asyncio
import threading

import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.media import decoding
from gateway.media.decoding import DecodingPool


async def test_work_is_done_elsewhere_one_after_the_other() -> None:
    pool, done = DecodingPool(), list[int]()

    def work(number: int) -> str:
        done.append(number)
        return threading.current_thread().name

    names = await asyncio.gather(*(pool.run(lambda n=n: work(n)) for n in range(9)))  # type: ignore[misc]
    assert done == list(range(9))
    assert set(names) == {"decoding_0"}
    pool.close()


async def test_what_goes_wrong_comes_back() -> None:
    pool = DecodingPool()
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    pool.close()


async def test_the_queue_is_bounded_and_a_caller_that_went_away_leaves_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "MAX_WAITING", 2)
    pool, go_on = DecodingPool(), threading.Event()
    tasks = [asyncio.create_task(pool.run(go_on.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    with pytest.raises(GatewayError) as refused:
        await pool.run(lambda: None)
    assert refused.value.code is ErrorCode.CAPACITY
    go_on.set()
    assert await tasks[1]
    await pool.run(lambda: None)
    pool.close()


async def test_an_unused_pool_has_no_thread() -> None:
    before = threading.active_count()
    DecodingPool().close()
    assert threading.active_count() == before
