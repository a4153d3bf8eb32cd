from collections.abc import AsyncIterator

import pytest_asyncio

from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.stand_in import StandIn

MAX_AUDIO = 1_000_000


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def gateway(model: StandIn) -> AsyncIterator[Gateway]:
    # Little audio, so that a packet beyond the bound fits into the kernel's buffers.
    async with running_gateway(model.url, max_audio_size=MAX_AUDIO) as running:
        yield running
