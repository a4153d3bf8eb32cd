"""Buses between gateways that are nothing else, over a real Redis."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import redis.asyncio

from signaling.cluster.bus import Bus
from signaling.cluster.place import Place
from signaling.cluster.redis_link import RedisLink
from tests.redis_server import RedisServer

SECRET = b"between gateways"


@contextlib.asynccontextmanager
async def bus(server: RedisServer, secret: bytes = SECRET) -> AsyncIterator[Bus]:
    place = Place()
    link = RedisLink(server.url, place.name)
    made = Bus(link, place, secret)
    try:
        await link.start()
        yield made
    finally:
        await made.close()
        await link.close()


@contextlib.asynccontextmanager
async def redis_client(server: RedisServer) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(server.url) as client:
        yield client
