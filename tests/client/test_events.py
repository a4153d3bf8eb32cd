import asyncio
import time

import pytest

from client.python.errors import ClientError
from client.python.events import EventLog


async def test_readers_follow_at_their_own_pace() -> None:
    log = EventLog()
    log.append("before", ())
    one, other = log.follow(), log.follow()
    log.append("a", (1,))
    assert (await anext(one)).args == (1,)
    waiting = asyncio.create_task(anext(one))
    await asyncio.sleep(0)
    log.append("b", ())
    assert (await waiting).name == "b"
    log.close()
    assert [event.name async for event in other] == ["a", "b"]
    assert other.missed == 0


async def test_a_reader_that_falls_behind_is_told_how_far() -> None:
    log = EventLog(keep=3)
    reader = log.follow()
    for number in range(10):
        log.append("n", (number,))
    assert (await anext(reader)).args == (7,)
    assert reader.missed == 7


async def test_callbacks_get_the_arguments_of_their_event() -> None:
    log = EventLog()
    seen: list[tuple[str, str]] = []
    log.on("transcript", lambda text, role: seen.append((text, role)))
    log.append("transcript", ("hi", "user"))
    log.append("other", ())
    assert seen == [("hi", "user")]


async def test_wait_for_sees_what_is_to_come_and_since_what_has_been() -> None:
    log = EventLog()
    started = time.monotonic()
    log.append("n", (1,))
    with pytest.raises(ClientError) as caught:
        await log.wait_for("n", None, 0.01, None)
    assert caught.value.code == "timeout"
    assert (await log.wait_for("n", None, 0.01, started)).args == (1,)
    with pytest.raises(ClientError):
        await log.wait_for("n", None, 0.01, time.monotonic())

    waiting = asyncio.create_task(log.wait_for("n", lambda n: n == 3, 5.0, None))
    await asyncio.sleep(0)
    for name, number in (("n", 2), ("m", 3), ("n", 3)):
        log.append(name, (number,))
    assert (await waiting).name == "n"


async def test_the_end_of_the_log_ends_a_wait() -> None:
    log = EventLog()
    waiting = asyncio.create_task(log.wait_for("n", None, 5.0, None))
    await asyncio.sleep(0)
    log.close()
    with pytest.raises(ClientError) as caught:
        await waiting
    assert caught.value.code == "closed"
