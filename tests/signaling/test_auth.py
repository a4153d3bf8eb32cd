"""Who may do what by HTTP."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.core.events import GatewayError
from signaling.access import Access
from signaling.auth import CALLER, authorise, guard, is_of_this_machine, token_of
from signaling.caller import Caller, Scope
from signaling.doorkeeper import Doorkeeper
from signaling.http_errors import Refused
from signaling.keys import EphemeralKeys
from signaling.tokens import SecretTokens

TOKENS = SecretTokens("a secret of the tests, and long enough")
NEEDS = {
    ("GET", "/open"): Access.OPEN,
    ("GET", "/call"): Access.CALL,
    ("GET", "/own"): Access.OWN_CALL,
    ("GET", "/admin"): Access.ADMIN,
}


async def whoever(request: web.Request) -> web.StreamResponse:
    caller = request.get(CALLER)
    return web.Response(text="" if caller is None else f"{caller.owner}")


async def passes(
    doorkeeper: Doorkeeper, path: str, token: str | None = None, remote: str = "127.0.0.1"
) -> str:
    """Who went through."""
    app = web.Application()
    app.add_routes([web.get(known, whoever) for _, known in NEEDS])
    shown = {"Authorization": f"Bearer {token}"} if token is not None else {}
    headers = {"Host": "127.0.0.1:8000", **shown}
    request = make_mocked_request("GET", path, headers, app=app).clone(remote=remote)
    request._match_info = await app.router.resolve(request)  # type: ignore[assignment]
    answer = await guard(doorkeeper, NEEDS)(request, whoever)
    assert isinstance(answer, web.Response)
    return answer.text or ""


async def test_a_shut_gateway_asks_for_a_token_and_for_its_scope() -> None:
    door = Doorkeeper(EphemeralKeys(), [TOKENS])
    ann = TOKENS.mint("ann", frozenset({Scope.CALL}), 60)
    boss = TOKENS.mint("boss", frozenset(Scope), 60)
    nobody = TOKENS.mint("eve", frozenset(), 60)
    assert await passes(door, "/open") == ""
    assert await passes(door, "/call", ann) == "ann"
    assert await passes(door, "/admin", boss) == "boss"
    for path in ("/call", "/own", "/admin"):
        for token in (None, "wrong"):
            with pytest.raises(GatewayError):
                await passes(door, path, token)
        with pytest.raises(Refused) as caught:
            await passes(door, path, nobody)
        assert caught.value.status == 403
    with pytest.raises(Refused) as caught:
        await passes(door, "/admin", ann)
    assert "insufficient_scope" in caught.value.headers["WWW-Authenticate"]


async def test_an_open_gateway_is_operated_from_its_machine_alone() -> None:
    door = Doorkeeper(EphemeralKeys())
    for remote in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.1"):
        assert await passes(door, "/call", remote=remote) == "None"
    await passes(door, "/admin")
    with pytest.raises(Refused):
        await passes(door, "/admin", remote="192.0.2.1")


@pytest.mark.parametrize(
    ("remote", "headers", "local"),
    [
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}, True),
        ("127.0.0.1", {"Host": "localhost"}, True),
        ("::1", {"Host": "[::1]:8000"}, True),
        ("::1", {"Host": "[::1]"}, True),
        ("::ffff:127.0.0.1", {"Host": "localhost:8000"}, True),
        ("192.0.2.1", {"Host": "127.0.0.1:8000"}, False),
        ("127.0.0.1", {"Host": "evil.example:8000"}, False),
        ("127.0.0.1", {}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "192.0.2.1"}, False),
        ("somewhere", {"Host": "localhost"}, False),
    ],
)
def test_what_is_of_this_machine(remote: str, headers: Mapping[str, str], local: bool) -> None:
    request = make_mocked_request("GET", "/", headers).clone(remote=remote)
    assert is_of_this_machine(request) is local


def test_a_door_may_ask_for_more() -> None:
    request = make_mocked_request("GET", "/")
    request[CALLER] = caller = Caller("ann")
    assert authorise(request, Scope.CALL) is caller
    with pytest.raises(Refused):
        authorise(request, Scope.ADMIN)


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Authorization": "Bearer a"}, "a"),
        ({"Upgrade": "websocket", "Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.b"}
         , "b"),
        ({"Upgrade": "websocket", "Authorization": "Bearer a"}, "a"),
        ({"Sec-WebSocket-Protocol": "openai-insecure-api-key.b"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_where_a_token_is_shown(headers: Mapping[str, str], token: str | None) -> None:
    assert token_of(make_mocked_request("GET", "/", headers)) == token
    # What is in an address ends in logs.
    assert token_of(make_mocked_request("GET", "/?token=c&access_token=c", headers)) == token
