"""The limits of Socket.IO's clients at a real gateway: what each of them refuses, and to whom."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
import socketio

from signaling import socketio as door
from signaling.caller import Scope
from signaling.tokens import SecretTokens
from tests.gateways import running_gateway
from tests.signaling.callers import Caller, Poll

NOBODY = "ws://127.0.0.1:9"
NEVER = 0.001
"""Tokens a second: none comes back while a test runs."""
SECRET = "a secret of the tests, and long enough"
PROXY = {"trusted_proxies": "127.0.0.1/32"}
"""Loopback may say whom it speaks for."""
SHUT = {**PROXY, "auth_secret": SECRET}
OFFER = {"type": "offer", "sdp": "v=0"}
"""Counts, and fails."""


def caller_at(url: str, address: str, user: str | None = None) -> Caller:
    token = None if user is None else SecretTokens(SECRET).mint(user, frozenset({Scope.CALL}), 60)
    return Caller(url, token=token, **{"X-Forwarded-For": address})


async def refused(caller: Caller, event: str, *args: Any) -> str:
    """Of an event that is one too many: what its sender is told."""
    error = (await caller.ask(event, *args))["error"]
    assert error["code"] == "rate_limited", error
    return str(error["message"])


async def offer(caller: Caller) -> None:
    """One that is let through."""
    answer = await caller.ask("webrtc_offer", OFFER)
    assert answer["error"]["code"] == "negotiation_failed", answer


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_new_connections_of_an_address_are_counted(transport: str) -> None:
    async with (
        running_gateway(NOBODY, request_rate=(NEVER, 2)) as gateway,
        Caller(gateway.url, transport),
        Caller(gateway.url, transport),
    ):
        third = Caller(gateway.url, transport)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await third.__aenter__()
        await third.leave()
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{gateway.url}/socket.io/?EIO=4&transport={transport}") as answer,
        ):
            assert answer.status == 429
            assert (await answer.json())["error"]["code"] == "rate_limited"


async def test_what_a_connection_asks_for_is_not() -> None:
    async with (
        running_gateway(NOBODY, request_rate=(NEVER, 1)) as gateway,
        aiohttp.ClientSession() as http,
    ):
        poll = Poll(http, gateway.url)
        await poll.connect()
        for number in range(5):
            await poll.send(f'42{number}["interrupt"]')
            assert "join_session comes first" in await poll.poll()
        # An upgrade belongs to the connection as well.
        upgrade = poll.address.replace("http", "ws", 1) + "websocket"
        async with http.ws_connect(upgrade) as socket:
            await socket.send_str("2probe")
            assert await socket.receive_str() == "3probe"


async def test_joins_of_an_address_are_counted() -> None:
    async with (
        running_gateway(NOBODY, call_rate=(NEVER, 2), **PROXY) as gateway,
        caller_at(gateway.url, "192.0.2.1") as one,
        caller_at(gateway.url, "192.0.2.1") as two,
        caller_at(gateway.url, "192.0.2.2") as other,
    ):
        await one.join()
        await two.join()
        told = await refused(one, "join_session", {})
        assert told == "too many calls from this address"
        await other.join()


async def test_joins_of_a_user_are_counted_wherever_they_come_from() -> None:
    async with (
        running_gateway(NOBODY, call_rate=(NEVER, 2), **SHUT) as gateway,
        caller_at(gateway.url, "192.0.2.1", "ann") as one,
        caller_at(gateway.url, "192.0.2.2", "ann") as two,
        caller_at(gateway.url, "192.0.2.3", "ann") as three,
        caller_at(gateway.url, "192.0.2.3", "bob") as bob,
    ):
        await one.join()
        await two.join()
        assert await refused(three, "join_session", {}) == "too many calls of this user"
        await bob.join()


async def test_offers_of_an_address_are_counted() -> None:
    async with (
        running_gateway(NOBODY, call_rate=(NEVER, 3), **PROXY) as gateway,
        caller_at(gateway.url, "192.0.2.1") as one,
        caller_at(gateway.url, "192.0.2.2") as other,
    ):
        for caller in (one, other):
            await caller.join()
            await offer(caller)
        await offer(one)
        told = await refused(one, "webrtc_offer", OFFER)
        assert told == "too many offers from this address"
        await offer(other)


async def test_offers_of_a_user_are_counted_wherever_they_come_from() -> None:
    async with (
        running_gateway(NOBODY, call_rate=(NEVER, 4), **SHUT) as gateway,
        caller_at(gateway.url, "192.0.2.1", "ann") as one,
        caller_at(gateway.url, "192.0.2.2", "ann") as two,
        caller_at(gateway.url, "192.0.2.1", "bob") as bob,
    ):
        for caller in (one, two):
            await caller.join()
            await offer(caller)
        assert await refused(one, "webrtc_offer", OFFER) == "too many offers of this user"
        await bob.join()
        assert (await refused(bob, "webrtc_offer", OFFER)).endswith("from this address")


async def test_a_user_whose_name_is_an_address_is_one_all_the_same() -> None:
    address = "192.0.2.1"
    async with (
        running_gateway(NOBODY, call_rate=(NEVER, 3), **SHUT) as gateway,
        caller_at(gateway.url, address, address) as one,
        caller_at(gateway.url, "192.0.2.2", address) as two,
    ):
        await one.join()
        await offer(one)
        await two.join()
        assert await refused(one, "webrtc_offer", OFFER) == "too many offers of this user"


async def test_events_of_a_client_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "EVENTS", (NEVER, 3))
    async with (
        running_gateway(NOBODY) as gateway,
        Caller(gateway.url) as one,
        Caller(gateway.url) as other,
    ):
        await one.join()
        for _ in range(2):
            assert await one.ask("interrupt") == {"ok": True}
        assert await refused(one, "interrupt") == "too many events at once"
        await other.join()
