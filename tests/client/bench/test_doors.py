from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError
from tests.client.scripted import ScriptedGateway


class HttpGateway:
    """Answers every offer with `status` and says what it was asked."""

    def __init__(self) -> None:
        self.status = 201
        self.requests: list[tuple[str, str, str, str]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        authorization = request.headers.get("Authorization", "")
        self.requests.append((request.path_qs, request.content_type, authorization, body))
        return web.Response(status=self.status, text="the answer")


@pytest_asyncio.fixture
async def http_gateway() -> AsyncIterator[HttpGateway]:
    gateway = HttpGateway()
    application = web.Application()
    application.router.add_post("/{path:.*}", gateway.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = "http://{}:{}".format(*runner.addresses[0])
    yield gateway
    await runner.cleanup()


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_an_offer_is_posted_and_names_its_call(
    http_gateway: HttpGateway, http: aiohttp.ClientSession
) -> None:
    door = Doors(http_gateway.url, token="secret").open(7, http)
    assert await door.answer("the offer") == "the answer"
    await door.close()
    assert http_gateway.requests == [
        ("/v1/realtime/calls?model=call-7", "application/sdp", "Bearer secret", "the offer")
    ]


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/v1/realtime/calls", "http://h:1/v1/realtime/calls?model=call-3"),
        ("/offer?x=1", "http://h:1/offer?x=1&model=call-3"),
        ("/offer/{call}", "http://h:1/offer/3"),
    ],
)
def test_the_path_may_be_any(path: str, url: str) -> None:
    assert Doors("http://h:1", offer_path=path).offer_url(3) == url


async def test_a_refusal_is_told(http_gateway: HttpGateway, http: aiohttp.ClientSession) -> None:
    http_gateway.status = 503
    door = Doors(http_gateway.url).open(1, http)
    with pytest.raises(BenchError, match="HTTP 503: the answer"):
        await door.answer("the offer")


async def test_nobody_there_is_told(http: aiohttp.ClientSession) -> None:
    door = Doors("http://127.0.0.1:9").open(1, http)
    with pytest.raises(BenchError, match="no answer from"):
        await door.answer("the offer")


async def test_socketio_joins_offers_and_leaves(
    gateway: ScriptedGateway, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answered(offer: str) -> str:
        return f"answer to {offer}"

    monkeypatch.setattr(gateway, "answer_offer", answered)
    door = Doors(gateway.url, "socketio", token="secret").open(4, http)
    assert await door.answer("the offer") == "answer to the offer"
    await door.close()
    assert [request[0] for request in gateway.requests] == [
        "join_session",
        "webrtc_offer",
        "disconnect_session",
    ]
    assert gateway.requested("join_session") == [({"userId": "call-4"},)]
    assert gateway.auth == [{"token": "secret"}]


async def test_a_socketio_refusal_is_told(
    gateway: ScriptedGateway, http: aiohttp.ClientSession
) -> None:
    gateway.failures["webrtc_offer"] = ("capacity", "full")
    door = Doors(gateway.url, "socketio").open(4, http)
    with pytest.raises(BenchError, match="full"):
        await door.answer("the offer")
    await door.close()
