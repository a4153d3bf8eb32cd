"""How often one address may open calls."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from aiohttp.typedefs import Middleware

from gateway.core.events import ErrorCode, GatewayError
from signaling.auth import CALLER
from signaling.buckets import Buckets
from signaling.call_rate import OPENS, address_rate, user_rate
from signaling.caller import Caller

CONNECTED = "a connection's own"
"""The ``sid`` of the only Socket.IO connection there is."""


def rate(requests: Buckets, calls: Buckets) -> Middleware:
    return address_rate(requests, calls, lambda sid: sid == CONNECTED)


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response()


async def test_what_opens_calls_is_bounded_and_nothing_else() -> None:
    plenty = Buckets(rate=0.0, burst=1_000.0)
    admit = rate(plenty, Buckets(rate=0.0, burst=len(OPENS)))
    for method, path in OPENS:
        await admit(make_mocked_request(method, path), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(make_mocked_request("POST", "/whip"), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    for method, path in (("GET", "/health"), ("PATCH", "/whip/rtc_1"), ("OPTIONS", "/whip")):
        assert (await admit(make_mocked_request(method, path), fine)).status == 200


CONNECTS = "/socket.io/?EIO=4&transport="


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        f"{CONNECTS}polling",
        f"{CONNECTS}websocket",
        f"{CONNECTS}polling&sid=",  # The library takes it for none, and connects.
        f"{CONNECTS}polling&sid=invented",
    ],
)
async def test_all_requests_of_an_address_are_counted_but_polls(path: str) -> None:
    admit = rate(Buckets(rate=0.0, burst=1.0), Buckets(rate=0.0, burst=9.0))
    await admit(make_mocked_request("GET", path), fine)
    with pytest.raises(GatewayError) as caught:
        await admit(make_mocked_request("GET", path), fine)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    poll = f"{CONNECTS}polling&sid={quote(CONNECTED)}"
    for _ in range(3):
        await admit(make_mocked_request("GET", poll), fine)
    # Nor is another route exempt that is given a sid.
    with pytest.raises(GatewayError):
        await admit(make_mocked_request("GET", f"/health?sid={quote(CONNECTED)}"), fine)


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
