from collections.abc import AsyncIterator

import pytest_asyncio

from tests.client.scripted import ScriptedGateway


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    scripted = ScriptedGateway()
    await scripted.start()
    yield scripted
    await scripted.stop()
