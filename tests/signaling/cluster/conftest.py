from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.redis_server import RedisServer, running_redis
from tests.stand_in import StandIn


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def here(model: StandIn, redis: RedisServer) -> AsyncIterator[Gateway]:
    """One of two gateways that share a Redis."""
    async with running_gateway(model.url, redis_url=redis.url) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def there(model: StandIn, redis: RedisServer) -> AsyncIterator[Gateway]:
    """The other one."""
    async with running_gateway(model.url, redis_url=redis.url) as gateway:
        yield gateway
