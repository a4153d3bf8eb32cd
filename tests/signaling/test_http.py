"""The page, health, errors and CORS over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from yarl import URL

from gateway.core.events import ErrorCode, GatewayError
from signaling.app import Gateway
from signaling.http import cors
from signaling.http_errors import errors
from signaling.origins import Origins
from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

PAGE = "https://talk.example"


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("/", "app.js"),
        ("/test", "app.js"),
        ("/softphone", "softphone.js"),
        ("/dashboard", "dashboard.js"),
    ],
)
async def test_the_pages_are_served(
    http: aiohttp.ClientSession, gateway: Gateway, path: str, program: str
) -> None:
    async with http.get(gateway.url + path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        text = await answer.text()
    for needed in (f"/client/{program}", "/client/style.css"):
        assert needed in text


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("app.js", "application/javascript"),
        ("talkpath.js", "application/javascript"),
        ("style.css", "text/css"),
        ("vendor/socket.io.esm.min.js", "application/javascript"),
    ],
)
async def test_the_pages_files_are_served(
    http: aiohttp.ClientSession, gateway: Gateway, path: str, content_type: str
) -> None:
    async with http.get(f"{gateway.url}/client/{path}") as answer:
        assert answer.status == 200
        assert answer.content_type == content_type
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1/realtime/nothing",
        "/client/nothing.js",
        "/client/lib",
        "/client/../python/client.py",
        "/client/%2e%2e/python/client.py",
        "/client/..%2fpython%2fclient.py",
        "/client/%2fetc%2fpasswd",
        "/client/%00",
        "/client/" + "x" * 300,
    ],
)
async def test_what_is_not_there_is_said_in_json(
    http: aiohttp.ClientSession, gateway: Gateway, path: str
) -> None:
    async with http.get(URL(gateway.url + path, encoded=True)) as answer:
        assert answer.status == 404
        error = (await answer.json())["error"]
        assert error["type"] == "invalid_request_error"
        assert error["code"] == "not_found"
        assert error["param"] is None
        assert error["message"].startswith("GET /")


async def test_folders_are_not_listed(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with http.get(f"{gateway.url}/client/") as answer:
        assert answer.status in (403, 404)
        assert "error" in await answer.json()


async def test_a_wrong_method_is_told_the_right_one(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async with http.delete(f"{gateway.url}/health") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert (await answer.json())["error"]["code"] == "method_not_allowed"


async def test_health_tells_how_it_stands(
    http: aiohttp.ClientSession, gateway: Gateway, model: StandIn
) -> None:
    async with http.get(f"{gateway.url}/health") as answer:
        assert answer.status == 200
        idle = await answer.json()
    assert idle.keys() == {
        *("status", "version", "uptimeSeconds", "sessions", "model", "eventLoop"),
    }
    assert idle["status"] == "ok"
    assert idle["version"]
    assert 0 <= idle["uptimeSeconds"] < 60
    assert idle["sessions"] == 0
    assert idle["model"] == {"url": model.url, "state": "idle"}
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        async with http.get(f"{gateway.url}/health") as answer:
            busy = await answer.json()
    assert busy["sessions"] == 1
    assert busy["model"]["state"] == "connected"


async def test_health_does_not_show_what_the_models_address_carries(
    http: aiohttp.ClientSession, model: StandIn
) -> None:
    async with (
        running_gateway(f"{model.url}?api-key=secret") as gateway,
        http.get(f"{gateway.url}/health") as answer,
    ):
        assert (await answer.json())["model"]["url"] == model.url
        assert "secret" not in gateway.model_name


async def test_a_draining_gateway_is_not_ready(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async with http.get(f"{gateway.url}/ready") as answer:
        assert (answer.status, await answer.json()) == (200, {"ready": True})
    assert gateway.sessions is not None
    await gateway.sessions.drain(0)
    async with http.get(f"{gateway.url}/ready") as answer:
        assert (answer.status, await answer.json()) == (503, {"ready": False})
    async with http.get(f"{gateway.url}/health") as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "draining")


async def test_a_page_that_is_admitted_gets_its_preflight(
    http: aiohttp.ClientSession, model: StandIn
) -> None:
    ask = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-openai-agents-sdk",
    }
    async with running_gateway(model.url, allowed_origins=(PAGE,)) as gateway:
        url = f"{gateway.url}/v1/realtime/calls"
        async with http.options(url, headers=ask) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
            assert {"authorization", "content-type", "x-openai-agents-sdk", "*"} <= {*allowed}
            assert answer.headers["Vary"] == "Origin"
        async with http.options(url, headers={**ask, "Origin": "https://evil.example"}) as answer:
            assert answer.status == 403
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
        async with http.options(url) as answer:
            assert answer.status == 405, "no preflight"


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        (PAGE, PAGE),
        ("https://evil.example", None),
        ("null", None),
        (None, None),
    ],
)
async def test_what_a_page_may_read(
    http: aiohttp.ClientSession, model: StandIn, origin: str | None, shown: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with running_gateway(model.url, allowed_origins=(PAGE,)) as gateway:
        for path in ("/health", "/", "/nothing", "/client/app.js"):
            async with http.get(gateway.url + path, headers=headers) as answer:
                assert answer.headers.get("Access-Control-Allow-Origin") == shown
                assert answer.headers["Vary"] == "Origin"


async def test_any_origin_if_that_is_meant(http: aiohttp.ClientSession, model: StandIn) -> None:
    async with (
        running_gateway(model.url, allowed_origins=("*",)) as gateway,
        http.get(f"{gateway.url}/health", headers={"Origin": "https://any.example"}) as answer,
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"


async def test_a_failure_inside_is_answered_without_its_traceback(
    http: aiohttp.ClientSession,
) -> None:
    async def broken(request: web.Request) -> web.Response:
        raise ZeroDivisionError("a detail")

    async def refusing(request: web.Request) -> web.Response:
        raise GatewayError(ErrorCode.CAPACITY, "full")

    app = web.Application(middlewares=[cors(Origins([PAGE])), errors])
    app.add_routes([web.get("/broken", broken), web.get("/full", refusing)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with http.get(f"{url}/broken", headers={"Origin": PAGE}) as answer:
            assert answer.status == 500
            error = (await answer.json())["error"]
            assert (error["type"], error["code"]) == ("server_error", "internal")
            assert "detail" not in error["message"]
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        async with http.get(f"{url}/full") as answer:
            assert answer.status == 503
            assert "Retry-After" in answer.headers
    finally:
        await runner.cleanup()


async def test_http_and_socket_io_share_one_port(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async with http.get(f"{gateway.url}/socket.io/?EIO=4&transport=polling") as answer:
        assert answer.status == 200
        assert (await answer.text()).startswith("0{")
    async with http.get(f"{gateway.url}/socket.io/?EIO=3&transport=polling") as answer:
        assert answer.status == 400
