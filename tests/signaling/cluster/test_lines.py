"""Lines between gateways, and how their loss is noticed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from signaling.cluster import lines as lines_module
from signaling.cluster.bus import Bus
from signaling.cluster.lines import Lines
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import until
from tests.signaling.cluster.ends import bus

pytestmark = needs_redis


class End(Lines):
    """Lines, and which of them were lost."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus)
        self.lost: list[str] = []

    def begin(self, line: str, place: str) -> None:
        self.add(line, place, lambda: self.lost.append(line))


@contextlib.asynccontextmanager
async def end(redis: RedisServer) -> AsyncIterator[tuple[Bus, End]]:
    async with bus(redis) as made:
        lines = End(made)
        try:
            yield made, lines
        finally:
            await lines.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "LOOK", 0.01)


async def rounds(bus: Bus, place: str) -> None:
    """Long enough for a loss to have been noticed."""
    for _ in range(3):
        await bus.ask(place, "alive", {"lines": []})
        await asyncio.sleep(lines_module.LOOK)


async def test_a_line_that_both_ends_have_lives(redis: RedisServer) -> None:
    async with end(redis) as (ann, hers), end(redis) as (bob, his):
        hers.begin("line", bob.place.name)
        his.begin("line", ann.place.name)
        hers.opened("line")
        his.opened("line")
        await rounds(ann, bob.place.name)
        assert not hers.lost
        assert not his.lost
        assert len(hers) == 1


async def test_a_line_is_lost_when_the_other_end_has_it_no_more(redis: RedisServer) -> None:
    async with end(redis) as (ann, hers), end(redis) as (bob, his):
        for line in ("one", "two"):
            hers.begin(line, bob.place.name)
            his.begin(line, ann.place.name)
            hers.opened(line)
        his.remove("one")
        his.remove("one")
        await until(lambda: hers.lost == ["one"])
        await rounds(ann, bob.place.name)
        assert hers.lost == ["one"]


async def test_an_end_of_another_gateway_is_none(redis: RedisServer) -> None:
    async with end(redis) as (_, hers), end(redis) as (bob, his):
        hers.begin("line", bob.place.name)
        his.begin("line", "somebody else")
        hers.opened("line")
        await until(lambda: hers.lost == ["line"])


async def test_a_line_that_is_being_opened_is_not_asked_for(redis: RedisServer) -> None:
    async with end(redis) as (ann, hers), end(redis) as (bob, _):
        hers.begin("line", bob.place.name)
        await rounds(ann, bob.place.name)
        assert not hers.lost


async def test_all_lines_are_lost_with_their_gateway(redis: RedisServer) -> None:
    async with end(redis) as (_, hers):
        async with end(redis) as (bob, _):
            hers.begin("line", bob.place.name)
            hers.opened("line")
            hers.begin("other", "elsewhere")
        await until(lambda: hers.lost == ["line"])


async def test_a_gateway_that_does_not_answer_is_gone(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "PATIENCE", 0.05)
    async with end(redis) as (_, hers), bus(redis) as mute:
        hers.begin("line", mute.place.name)
        hers.opened("line")
        await until(lambda: hers.lost == ["line"])


async def test_all_lines_are_lost_with_redis() -> None:
    with running_redis() as redis:
        async with end(redis) as (_, hers):
            hers.begin("line", "elsewhere")
            redis.stop()
            await until(lambda: hers.lost == ["line"])
            assert not len(hers)
