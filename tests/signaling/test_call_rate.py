"""How often one address may open calls."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.events import ErrorCode, GatewayError
from signaling.buckets import Buckets
from signaling.call_rate import OPENS, call_rate


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response()


async def test_what_opens_calls_is_bounded_and_nothing_else() -> None:
    admit = call_rate(Buckets(rate=0.0, burst=len(OPENS)))
    for method, path in OPENS:
        await admit(make_mocked_request(method, path), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(make_mocked_request("POST", "/whip"), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    for method, path in (("GET", "/health"), ("PATCH", "/whip/rtc_1"), ("OPTIONS", "/whip")):
        assert (await admit(make_mocked_request(method, path), fine)).status == 200
