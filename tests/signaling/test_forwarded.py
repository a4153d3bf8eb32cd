"""Where requests come from, by trusted proxies and others."""

from __future__ import annotations

import ipaddress

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from signaling.forwarded import is_forwarded, origin_of, remote_of, trusting

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),  # A stranger's word counts nothing.
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # The first is invented.
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_first_that_is_no_proxy(peer: str, forwarded: list[str], origin: str) -> None:
    assert origin_of(peer, forwarded, PROXIES) == origin


async def test_a_request_knows_where_it_comes_from() -> None:
    heard = []

    async def handler(request: web.Request) -> web.StreamResponse:
        heard.append((remote_of(request), is_forwarded(request)))
        return web.Response()

    middleware = trusting(PROXIES)
    for headers in ({"X-Forwarded-For": "198.51.100.1"}, {}):
        await middleware(
            make_mocked_request("GET", "/", headers=headers).clone(remote="10.0.0.1"), handler
        )
    assert heard == [("198.51.100.1", True), ("10.0.0.1", False)]
