"""One gateway's line to a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog.testing
from redis.asyncio.client import PubSub

from gateway.core.events import ErrorCode, GatewayError
from signaling.cluster import redis_link
from signaling.cluster.redis_link import RedisLink, RedisUnavailable
from tests.certificates import self_signed
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import PATIENCE, until
from tests.signaling.cluster.ends import redis_client as client_of

pytestmark = needs_redis


class End:
    """A link, and what happened to it."""

    def __init__(self, url: str, name: str) -> None:
        self.link = RedisLink(url, name)
        self.heard: list[bytes] = []
        self.breaks = 0
        self.link.when_message(self.heard.append)
        self.link.when_broken(self._broke)

    def _broke(self) -> None:
        self.breaks += 1

    async def send(self, to: str, data: bytes) -> int:
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.link.send(to, data, heard)
        async with asyncio.timeout(PATIENCE):
            return await heard


@contextlib.asynccontextmanager
async def ends(redis: RedisServer, *names: str) -> AsyncIterator[list[End]]:
    made = [End(redis.url, name) for name in names]
    try:
        for each in made:
            await each.link.start()
        yield made
    finally:
        for each in made:
            await each.link.close()


async def test_a_message_is_heard_in_order_by_whom_it_is_for(redis: RedisServer) -> None:
    async with ends(redis, "ann", "bob") as (ann, bob):
        for number in range(300):
            ann.link.send("bob", b"%d" % number)
        assert await ann.send("bob", b"last") == 1
        await until(lambda: bob.heard[-1:] == [b"last"])
        assert bob.heard == [*(b"%d" % number for number in range(300)), b"last"]
        assert not ann.heard
        assert await ann.send("nobody", b"?") == 0


async def test_all_know_the_same_secret(redis: RedisServer) -> None:
    async with ends(redis, "ann", "bob") as (ann, bob):
        assert len(ann.link.secret) == 32
        assert ann.link.secret == bob.link.secret


async def test_an_emptied_redis_is_told_the_secret_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "KNOWN_EVERY", 0.01)
    async with ends(redis, "ann") as (ann,), client_of(redis) as client:
        await client.flushall()
        async with asyncio.timeout(PATIENCE):
            while not await client.exists("talkpath:secret"):
                pass
        async with ends(redis, "bob") as (bob,):
            assert ann.link.secret == bob.link.secret
        assert not ann.link.is_split


async def test_who_finds_another_secret_keeps_its_own_and_knows(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "KNOWN_EVERY", 0.01)
    async with ends(redis, "ann") as (ann,), client_of(redis) as client:
        secret = ann.link.secret
        await client.set("talkpath:secret", b"of whoever came first after it was emptied")
        await until(lambda: ann.link.is_split)
        assert ann.link.secret == secret
        await client.delete("talkpath:secret")
        await until(lambda: not ann.link.is_split)


async def test_a_gateway_is_known_until_it_leaves(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "KNOWN_EVERY", 0.01)
    monkeypatch.setattr(redis_link, "KNOWN_FOR", 0.2)
    async with ends(redis, "ann") as (ann,), client_of(redis) as client:
        async with ends(redis, "bob"):
            await client.delete("talkpath:known:bob")
            async with asyncio.timeout(PATIENCE):
                while not await ann.link.knows("bob"):
                    pass
        assert not await ann.link.knows("bob")
        await client.set("talkpath:known:cid", b"", px=1)
        async with asyncio.timeout(PATIENCE):
            while await ann.link.knows("cid"):
                pass


async def test_what_is_kept_is_known_to_all_for_a_while(redis: RedisServer) -> None:
    async with ends(redis, "ann", "bob") as (ann, bob):
        await ann.link.keep("key:1", "héllo", 60)
        assert await bob.link.kept("key:1") == "héllo"
        assert await bob.link.kept("key:2") is None
        await ann.link.keep("key:1", "gone at once", 0.001)
        async with asyncio.timeout(PATIENCE):
            while await bob.link.kept("key:1") is not None:
                pass


async def test_a_redis_that_is_lost_comes_back_by_itself() -> None:
    with running_redis() as redis:
        async with ends(redis, "ann", "bob") as (ann, bob):
            secret = ann.link.secret
            redis.stop()
            await until(lambda: ann.breaks == bob.breaks == 1)
            with pytest.raises(GatewayError) as caught:
                ann.link.send("bob", b"lost")
            assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
            for asking in (ann.link.keep("a", "b", 1), ann.link.kept("a"), ann.link.knows("bob")):
                with pytest.raises(GatewayError, match="Redis cannot be reached"):
                    await asking
            redis.start()
            await until(lambda: ann.link.is_up and bob.link.is_up)
            assert await ann.send("bob", b"again") == 1
            await until(lambda: bob.heard == [b"again"])
            assert ann.link.secret == bob.link.secret == secret, "the empty Redis was told it"
            assert ann.breaks == 1


async def test_what_waited_when_it_was_lost_fails(redis: RedisServer) -> None:
    async with ends(redis, "ann") as (ann,):
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        ann.link.send("bob", b"never", heard)
        await ann.link.close()
        with contextlib.suppress(GatewayError):
            assert await heard == 0


async def test_the_queue_is_bounded(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_link, "MAX_QUEUED", 10)
    async with ends(redis, "ann") as (ann,):
        for _ in range(10):
            ann.link.send("bob", b"x")
        assert ann.link.queued == 10
        with pytest.raises(GatewayError):
            ann.link.send("bob", b"x")


async def test_a_redis_that_says_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_link, "PING", 0.05)
    with running_redis() as redis:
        async with ends(redis, "ann") as (ann,):
            redis.freeze()
            await until(lambda: ann.breaks == 1)
            assert not ann.link.is_up
            redis.thaw()
            await until(lambda: ann.link.is_up)


async def test_who_is_sent_more_than_redis_keeps_for_it_is_cut_off_and_comes_back() -> None:
    limits = ("--client-output-buffer-limit", "pubsub", "64kb", "0", "0")
    with running_redis(*limits) as redis:
        async with ends(redis, "ann", "bob") as (ann, bob):
            await ann.send("bob", bytes(1 << 20))
            await until(lambda: bob.breaks == 1)
            await until(lambda: bob.link.is_up)
            assert await ann.send("bob", b"again") == 1
            await until(lambda: bob.heard == [b"again"])
            assert not ann.breaks


async def test_a_redis_that_is_full_passes_messages_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_link, "KNOWN_EVERY", 0.01)
    with running_redis() as redis:
        async with ends(redis, "ann", "bob") as (ann, bob), client_of(redis) as client:
            await client.config_set("maxmemory", "1")
            with structlog.testing.capture_logs() as logged:
                await until(lambda: len([e for e in logged if e["event"] == "Redis is full"]) > 4)
            with pytest.raises(GatewayError):
                await ann.link.keep("key:1", "a configuration", 60)
            assert await ann.send("bob", b"heard") == 1
            await until(lambda: bob.heard == [b"heard"])
            assert ann.breaks == bob.breaks == 0


async def test_one_bad_listener_does_not_keep_a_link_from_coming_back() -> None:
    with running_redis() as redis:
        async with ends(redis, "ann") as (ann,):
            failures: list[object] = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, told: failures.append(told["exception"]))
            ann.link._broken.insert(0, lambda: [][1])
            redis.stop()
            await until(lambda: ann.breaks == 1)
            assert [type(each) for each in failures] == [IndexError]
            redis.start()
            await until(lambda: ann.link.is_up)


async def test_a_redis_behind_tls_is_used_lost_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "PING", 0.05)
    monkeypatch.setattr(redis_link, "PATIENCE", 0.5)
    certificate, key = self_signed(tmp_path)
    with running_redis(certificate=certificate, key=key) as redis:
        async with ends(redis, "ann", "bob") as (ann, bob):
            # Several at once, so that one connection is at rest when it is frozen.
            await asyncio.gather(*(ann.link.keep(f"key:{n}", "x", 60) for n in range(4)))
            assert await ann.send("bob", b"heard") == 1
            await until(lambda: bob.heard == [b"heard"])
            tried = tries_of(ann.link, monkeypatch)
            with redis.frozen():
                await until(lambda: bool(tried))
            await until(lambda: ann.link.is_up and bob.link.is_up)
            assert await ann.send("bob", b"again") == 1


async def test_it_ends_in_the_middle_of_what_it_sends(redis: RedisServer) -> None:
    async def send_on(link: RedisLink) -> None:
        while link.is_up:
            with contextlib.suppress(GatewayError):
                link.send("bob", b"and so on")
            await asyncio.sleep(0)

    for turns in range(60):
        async with ends(redis, "ann") as (ann,):
            sending = asyncio.create_task(send_on(ann.link))
            for _ in range(turns):
                await asyncio.sleep(0)
            assert ann.link._running is not None
            ann.link._running.cancel()
            done, _ = await asyncio.wait([ann.link._running], timeout=PATIENCE)
            assert done, "it does not end"
            sending.cancel()
            await asyncio.wait([sending])


def tries_of(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each time that it tries to connect again."""
    tries: list[None] = []
    subscribe = link._subscribe

    async def counted() -> PubSub:
        tries.append(None)
        return await subscribe()

    monkeypatch.setattr(link, "_subscribe", counted)
    return tries


async def test_a_redis_that_is_not_there_or_refuses_is_told_in_one_sentence() -> None:
    with running_redis("--requirepass", "hunter2") as redis:
        for url, reason in (
            (redis.url, "Authentication required"),
            (redis.url.replace("//", "//:wrong@"), "invalid username-password pair"),
            ("redis://127.0.0.1:1", "111 connecting to 127.0.0.1:1"),
        ):
            link = RedisLink(url, "ann")
            with pytest.raises(RedisUnavailable) as caught:
                await link.start()
            assert str(caught.value).startswith("REDIS_URL=redis://127.0.0.1: ")
            assert reason in str(caught.value)
            assert "wrong" not in str(caught.value)
        link = RedisLink(redis.url.replace("//", "//:hunter2@"), "ann")
        await link.start()
        await link.close()
