from collections.abc import AsyncIterator

import pytest_asyncio

from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.stand_in import StandIn


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def gateway(model: StandIn) -> AsyncIterator[Gateway]:
    async with running_gateway(model.url) as running:
        yield running
