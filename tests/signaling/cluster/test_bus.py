"""Questions and answers between gateways, over a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import pytest
import structlog.testing

from gateway.core.events import ErrorCode, GatewayError
from signaling.cluster import bus as bus_module
from signaling.cluster import redis_link
from signaling.cluster.bus import Body, Bus, Gone
from signaling.cluster.message import pack
from signaling.cluster.redis_link import RedisLink
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import PATIENCE, until
from tests.signaling.cluster.ends import bus, redis_client

pytestmark = needs_redis


async def echo(place: str, body: Body) -> Body:
    return {"place": place, **body}


async def test_a_question_is_answered(redis: RedisServer) -> None:
    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("echo", echo)
        answer = await ann.ask(bob.place.name, "echo", {"audio": b"\xff", "text": "é"})
        assert answer == {"place": ann.place.name, "audio": b"\xff", "text": "é"}
        many = [ann.ask(bob.place.name, "echo", {"n": number}) for number in range(100)]
        assert [each["n"] for each in await asyncio.gather(*many)] == list(range(100))


async def test_a_refusal_is_told_as_it_was_meant(redis: RedisServer) -> None:
    async def refuse(place: str, body: Body) -> Body:
        raise GatewayError(ErrorCode.TOO_LARGE, "much too large")

    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("refuse", refuse)
        with pytest.raises(GatewayError) as caught:
            await ann.ask(bob.place.name, "refuse", {})
        assert (caught.value.code, caught.value.message) == (ErrorCode.TOO_LARGE, "much too large")


async def test_who_is_gone_is_noticed_at_once(redis: RedisServer) -> None:
    async with bus(redis) as ann:
        with pytest.raises(Gone):
            await ann.ask("0123456789ab", "echo", {})
        ann.tell("0123456789ab", "hello", {})


async def test_who_lost_redis_alone_is_not_gone(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "KNOWN_FOR", 0.3)
    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("echo", echo)
        await ann.ask(bob.place.name, "echo", {})
        await cut_off(bob)
        with pytest.raises(GatewayError) as caught:
            await ann.ask(bob.place.name, "echo", {})
        assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        async with asyncio.timeout(PATIENCE):
            while await ann._link.knows(bob.place.name):
                pass
        with pytest.raises(Gone):
            await ann.ask(bob.place.name, "echo", {})


async def cut_off(bus: Bus) -> None:
    """From Redis, without a word to it."""
    assert isinstance(bus._link, RedisLink)
    assert bus._link._running is not None
    bus._link._running.cancel()
    await asyncio.wait([bus._link._running])


async def test_who_is_thought_to_hear_and_is_not_known_is_gone(redis: RedisServer) -> None:
    """A machine that was cut off: Redis has its connection for minutes."""
    async with bus(redis) as ann, redis_client(redis) as client:
        deaf = client.pubsub()
        await deaf.subscribe("talkpath:gateway:0123456789ab")
        await deaf.get_message(timeout=PATIENCE)
        with pytest.raises(Gone):
            await ann.ask("0123456789ab", "echo", {}, timeout=0.05)
        await deaf.aclose()  # type: ignore[no-untyped-call]


async def test_who_asks_while_a_gateway_stops_is_told(redis: RedisServer) -> None:
    async def forever(place: str, body: Body) -> Body:
        return await asyncio.get_running_loop().create_future()

    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("forever", forever)
        asking = asyncio.create_task(ann.ask(bob.place.name, "forever", {}))
        await until(lambda: bool(bob._answering))
        await bob.close()
        for question in (asking, ann.ask(bob.place.name, "forever", {})):
            with pytest.raises(GatewayError, match="is stopping"):
                await question


async def test_no_question_is_lost_while_a_gateway_stops(redis: RedisServer) -> None:
    refusals: set[str] = set()

    async def ask_on(ann: Bus, place: str) -> None:
        with contextlib.suppress(Gone):
            while True:
                try:
                    await ann.ask(place, "echo", {}, timeout=60)
                except GatewayError as error:
                    refusals.add(error.message)

    async with bus(redis) as ann:
        for _ in range(20):
            async with bus(redis) as bob:
                bob.on_ask("echo", echo)
                asking = [asyncio.create_task(ask_on(ann, bob.place.name)) for _ in range(5)]
                await until(lambda of=bob: bool(of._heard_of))
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*asking)
    assert refusals <= {"the gateway that has the call is stopping"}


async def test_who_does_not_answer_is_not_waited_for(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(place: str, body: Body) -> Body:
        raise RuntimeError("broken")

    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("fail", fail)
        for what in ("fail", "nothing that is known"):
            with pytest.raises(GatewayError) as caught:
                await ann.ask(bob.place.name, what, {}, timeout=0.05)
            assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert not ann._questions


async def test_what_is_told_arrives_in_order(redis: RedisServer) -> None:
    told: list[Any] = []
    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_tell("count", lambda place, body: told.append((place, body["n"])))
        for number in range(500):
            ann.tell(bob.place.name, "count", {"n": number})
        await until(lambda: len(told) == 500)
        assert told == [(ann.place.name, number) for number in range(500)]


async def test_what_is_told_after_a_question_comes_after_it(redis: RedisServer) -> None:
    came: list[str] = []

    async def asked(place: str, body: Body) -> Body:
        came.append("asked")
        return {}

    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("question", asked)
        bob.on_tell("remark", lambda place, body: came.append("told"))
        for _ in range(20):
            asking = asyncio.create_task(ann.ask(bob.place.name, "question", {}))
            await asyncio.sleep(0)
            ann.tell(bob.place.name, "remark", {})
            await asking
        await until(lambda: len(came) == 40)
        assert came == ["asked", "told"] * 20


async def test_who_does_not_know_the_secret_is_not_heard(redis: RedisServer) -> None:
    told: list[Body] = []
    with structlog.testing.capture_logs() as logged:
        await eavesdrop(redis, told)
    assert [each["log_level"] for each in logged] == ["warning"], "once, however many came"


async def eavesdrop(redis: RedisServer, told: list[Body]) -> None:
    async with bus(redis) as ann, bus(redis) as bob, bus(redis, b"a guess") as eve:
        bob.on_tell("hello", lambda place, body: told.append(body))
        eve.tell(bob.place.name, "hello", {"from": "eve"})
        # Nor is who sends on what was meant for another, or sends it once more.
        overheard: list[bytes] = []
        ann._link.when_message(overheard.append)
        bob.tell(ann.place.name, "hello", {"n": 1})
        await until(lambda: len(overheard) == 1)
        eve._link.send(bob.place.name, overheard[0])
        ann.tell(bob.place.name, "hello", {"n": 2})
        await until(lambda: told == [{"n": 2}])
        signed = ann._signature(bob.place.name, data := _hello(ann.place.name, 10**6)) + data
        for _ in range(2):
            eve._link.send(bob.place.name, signed)
        eve._link.send(bob.place.name, b"")
        async with asyncio.timeout(5):
            heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            eve._link.send(bob.place.name, b"short", heard)
            assert await heard == 1
        await until(lambda: len(told) == 2)
        assert told == [{"n": 2}, {"n": 3}]


def _hello(place: str, number: int) -> bytes:
    return pack({"what": "hello", "body": {"n": 3}, "from": place, "number": number})


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"from": "x"},
        {"from": "x", "number": 1},
        {"from": "x", "number": 1, "answer": 7},
        {"from": "x", "number": 1, "what": "echo", "ask": "1", "body": {}},
        {"from": "x", "number": 1, "what": "echo", "ask": 1, "body": []},
        {"from": "x", "number": 1, "what": "unknown", "body": {}},
    ],
)
async def test_what_makes_no_sense_is_left_alone(
    redis: RedisServer, message: Mapping[str, Any]
) -> None:
    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("echo", echo)
        data = pack(message)
        ann._link.send(bob.place.name, ann._signature(bob.place.name, data) + data)
        ann._link.send(bob.place.name, ann._signature(bob.place.name, b"{") + b"{")
        assert (await ann.ask(bob.place.name, "echo", {"n": 1}))["n"] == 1


async def test_what_a_listener_cannot_read_ends_nothing(redis: RedisServer) -> None:
    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_tell("number", lambda place, body: print(int(body["n"])))
        bob.on_ask("echo", echo)
        for body in ({}, {"n": []}, {"n": "one"}):
            ann.tell(bob.place.name, "number", body)
        assert (await ann.ask(bob.place.name, "echo", {"n": 1}))["n"] == 1


async def test_gateways_of_the_past_are_forgotten(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "MAX_HEARD_OF", 2)
    async with bus(redis) as ann:
        ann.on_ask("echo", echo)
        for _ in range(4):
            async with bus(redis) as bob:
                await bob.ask(ann.place.name, "echo", {})
        assert len(ann._heard_of) == 2
        assert bob.place.name in ann._heard_of


async def test_what_is_asked_at_once_is_bounded(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "MAX_ASKED", 1)
    waits = asyncio.Event()

    async def wait(place: str, body: Body) -> Body:
        await waits.wait()
        return {}

    async with bus(redis) as ann, bus(redis) as bob:
        bob.on_ask("wait", wait)
        first = asyncio.create_task(ann.ask(bob.place.name, "wait", {}))
        await until(lambda: bool(bob._answering))
        with pytest.raises(GatewayError) as caught:
            await ann.ask(bob.place.name, "wait", {})
        assert caught.value.code is ErrorCode.CAPACITY
        waits.set()
        assert await first == {}


async def test_a_question_fails_with_its_redis() -> None:
    async def forever(place: str, body: Body) -> Body:
        return await asyncio.get_running_loop().create_future()

    with running_redis() as redis:
        async with bus(redis) as ann, bus(redis) as bob:
            breaks: list[None] = []
            ann.when_broken(lambda: breaks.append(None))
            bob.on_ask("forever", forever)
            asking = asyncio.create_task(ann.ask(bob.place.name, "forever", {}))
            await until(lambda: bool(bob._answering))
            redis.stop()
            with pytest.raises(GatewayError, match="Redis cannot be reached"):
                await asking
            assert breaks
            with pytest.raises(GatewayError):
                await ann.ask(bob.place.name, "forever", {})


async def test_what_no_message_can_hold_is_a_bad_request(redis: RedisServer) -> None:
    async with bus(redis) as ann:
        with pytest.raises(GatewayError) as caught:
            await ann.ask("anyone", "echo", {"value": object()})
        assert caught.value.code is ErrorCode.BAD_REQUEST
