from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from client.python.bench.churn import WAYS, Churn
from client.python.bench.model import MockModel
from tests.gateways import running_gateway


@pytest_asyncio.fixture
async def model() -> AsyncIterator[MockModel]:
    mock = MockModel()
    await mock.start()
    yield mock
    await mock.stop()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_calls_go_every_way_by_every_door(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    async with running_gateway(model.url, reconnect_grace=0.1) as gateway:
        churn = Churn(gateway.url, model, http)
        await churn.place(2 * len(WAYS), at_once=8)
        assert churn.failures == []
        ways = Counter(way.name for way in WAYS)
        assert churn.placed == {name: 2 * times for name, times in ways.items()}
        assert gateway.sessions is not None
        # Those who vanished are not missed yet.
        assert len(gateway.sessions) <= 2 * sum(way.name == "vanish" for way in WAYS) + 2


async def test_what_goes_wrong_is_told_call_by_call(
    model: MockModel, http: aiohttp.ClientSession
) -> None:
    churn = Churn("http://127.0.0.1:9", model, http)
    await churn.place(len(WAYS), at_once=1)
    # Who leaves in mid-handshake does not mind.
    assert len(churn.failures) == len(WAYS) - 1
    assert churn.failures[-1].startswith("call 8, talk and hang up, socketio: ")
    assert any("offer badly over HTTP, http: no answer" in told for told in churn.failures)
