"""The ids of requests: in every response, and in what is logged meanwhile."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from signaling.app import Gateway
from signaling.request_ids import request_ids


async def test_every_response_has_an_id_of_its_own(gateway: Gateway) -> None:
    paths = ("/health", "/", "/client/app.js", "/nothing", "/socket.io/?EIO=4&transport=polling")
    async with aiohttp.ClientSession() as http:
        ids = []
        for path in (*paths, "/health"):
            async with http.get(gateway.url + path) as answer:
                ids.append(answer.headers["x-request-id"])
        async with http.ws_connect(f"{gateway.url}/sip", protocols=["sip"]) as socket:
            ids.append(socket._response.headers["x-request-id"])
    assert len(set(ids)) == len(paths) + 2
    assert all(found.startswith("req_") for found in ids)


@pytest.mark.parametrize(
    ("given", "logged"),
    [("mine-1", "mine-1"), ("", None), ("x" * 513, None), ("two words", None), ("ÿ", None)],
)
async def test_the_client_s_own_id_is_logged(given: str, logged: str | None) -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.update(structlog.contextvars.get_contextvars())
        return web.Response()

    await request_ids(
        make_mocked_request("GET", "/", headers={"X-Client-Request-Id": given}), handler
    )
    assert seen.get("client_request_id") == logged
    assert seen["request_id"].startswith("req_")
    assert "request_id" not in structlog.contextvars.get_contextvars()
