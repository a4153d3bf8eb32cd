"""How often one address may open calls."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.events import ErrorCode, GatewayError
from signaling.auth import CALLER
from signaling.buckets import Buckets
from signaling.call_rate import OPENS, address_rate, user_rate
from signaling.caller import Caller


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response()


async def test_what_opens_calls_is_bounded_and_nothing_else() -> None:
    plenty = Buckets(rate=0.0, burst=1_000.0)
    admit = address_rate(plenty, Buckets(rate=0.0, burst=len(OPENS)))
    for method, path in OPENS:
        await admit(make_mocked_request(method, path), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(make_mocked_request("POST", "/whip"), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    for method, path in (("GET", "/health"), ("PATCH", "/whip/rtc_1"), ("OPTIONS", "/whip")):
        assert (await admit(make_mocked_request(method, path), fine)).status == 200


async def test_all_requests_of_an_address_are_counted_but_polls() -> None:
    admit = address_rate(Buckets(rate=0.0, burst=1.0), Buckets(rate=0.0, burst=9.0))
    await admit(make_mocked_request("GET", "/health"), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(make_mocked_request("GET", "/health"), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    for _ in range(3):
        await admit(make_mocked_request("GET", "/socket.io/?transport=polling"), fine)


async def test_the_calls_of_a_user_are_counted_wherever_they_come_from() -> None:
    admit = user_rate(Buckets(rate=0.0, burst=1.0))

    def call(owner: str | None) -> web.Request:
        request = make_mocked_request("POST", "/whip")
        request[CALLER] = Caller(owner)
        return request

    await admit(call("ann"), fine)
    await admit(call("bob"), fine)
    await admit(call(None), fine)
    await admit(call(None), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(call("ann"), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
