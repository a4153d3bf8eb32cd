import asyncio
import itertools

import pytest

from client.python.bench.wheel import MOST_SLOTS, PacketWheel


async def test_everyone_is_called_each_20_ms_spread_over_it() -> None:
    loop = asyncio.get_running_loop()
    wheel = PacketWheel()
    calls: list[tuple[int, float]] = []
    done = asyncio.Event()

    def ticking(number: int) -> None:
        calls.append((number, loop.time()))
        if len(calls) == 40:
            done.set()

    wheel.ticks = [lambda n=n: ticking(n) for n in range(4)]  # type: ignore[misc]
    started = loop.time()
    wheel.start()
    async with asyncio.timeout(5):
        await done.wait()
    wheel.stop()
    assert [number for number, _ in calls] == [0, 1, 2, 3] * 10
    # On deadlines: however late a call was, none came early.
    for turn, (_, at) in enumerate(calls):
        assert at >= started + (turn + 1) * 0.005 - 0.001
    assert len(wheel.lags) == 40
    assert min(wheel.lags) >= 0


async def test_many_share_a_slot() -> None:
    order: list[int] = []
    wheel = PacketWheel()
    count = MOST_SLOTS + 5
    done = asyncio.Event()

    def tick(number: int) -> None:
        order.append(number)
        if len(order) == count:
            done.set()

    wheel.ticks = [lambda n=n: tick(n) for n in range(count)]  # type: ignore[misc]
    wheel.start()
    async with asyncio.timeout(5):
        await done.wait()
    wheel.stop()
    assert order[:4] == [0, 20, 1, 21]
    assert sorted(order[:count]) == list(range(count))


async def test_a_delayed_packet_is_sent_when_it_is_due() -> None:
    loop = asyncio.get_running_loop()
    wheel = PacketWheel()
    sent: list[tuple[str, float, float]] = []
    done = asyncio.Event()
    delays = itertools.chain([0.012, 0.003], itertools.repeat(None))

    def tick() -> None:
        delay = next(delays)
        if delay is None:
            return
        due = loop.time() + delay
        wheel.later(due, lambda: (sent.append(("x", due, loop.time())), done.set()))  # type: ignore[func-returns-value]

    wheel.ticks = [tick]
    wheel.start()
    async with asyncio.timeout(5):
        await done.wait()
    wheel.stop()
    (_, due, at) = sent[0]
    assert due <= at < due + 0.5


async def test_after_a_stop_nothing_is_called() -> None:
    wheel = PacketWheel()
    calls: list[int] = []
    wheel.ticks = [lambda: calls.append(1)]
    wheel.start()
    wheel.later(0.0, lambda: calls.append(2))
    wheel.stop()
    await asyncio.sleep(0.03)
    assert calls == []


@pytest.mark.parametrize("count", [0, 1])
async def test_few_or_none_are_turned_too(count: int) -> None:
    wheel = PacketWheel()
    turned = asyncio.Event()
    wheel.ticks = [turned.set] * count
    wheel.start()
    if count:
        async with asyncio.timeout(5):
            await turned.wait()
    wheel.stop()
