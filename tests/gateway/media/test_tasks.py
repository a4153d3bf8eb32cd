import asyncio
import contextlib

from gateway.media.tasks import cancel_for_good


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            swallowed += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await cancel_for_good([task])
    assert swallowed == 2
    assert task.cancelled()


async def test_tasks_that_are_over_are_left_alone() -> None:
    task = asyncio.create_task(asyncio.sleep(0, "result"))
    await task
    await cancel_for_good([task])
    assert task.result() == "result"
    await cancel_for_good([])
