"""Who is who at an open gateway, and at one that is shut."""

from __future__ import annotations

import pytest

from gateway.config import Settings
from gateway.core.events import ErrorCode, GatewayError
from signaling.caller import Caller, Scope
from signaling.doorkeeper import doorkeeper
from signaling.keys import EphemeralKeys
from signaling.session_config import SessionConfig
from signaling.tokens import MAX_TOKEN, SecretTokens
from tests.gateways import loopback_settings

SECRET = "a secret of the tests, and long enough"
NOBODY = "ws://127.0.0.1:9"


def shut(**settings: str) -> Settings:
    return loopback_settings(NOBODY, auth_secret=SECRET, **settings)


async def test_an_open_gateway_asks_nobody() -> None:
    keys, door = doorkeeper(loopback_settings(NOBODY))
    assert door.is_open
    assert await door.identify(None) == Caller()
    assert await door.identify("sk-of-openai") == Caller(has_credential=True)
    key = await keys.issue(SessionConfig(), 600)
    assert (await door.identify(key.value)).grant.key_id == key.id
    with pytest.raises(GatewayError):
        await door.identify("ek_nonsense")


async def test_one_that_is_shut_lets_in_by_tokens_and_keys() -> None:
    keys, door = doorkeeper(shut())
    assert not door.is_open
    token = SecretTokens(SECRET).mint("ann", frozenset({Scope.CALL}), 60)
    assert (await door.identify(token)).owner == "ann"
    key = await keys.issue(SessionConfig(), 600, "ann")
    assert (await door.identify(key.value)).owner == "ann"


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "sk-of-openai",
        "ek_nonsense",
        "x" * (MAX_TOKEN + 1),
        "another gateway's key",
        SecretTokens("x" * 40).mint("ann", frozenset(Scope), 60),
        SecretTokens(SECRET).mint("ann", frozenset(Scope), -1),
    ],
)
async def test_nothing_else_does(token: str | None) -> None:
    _, door = doorkeeper(shut())
    if token == "another gateway's key":
        token = (await EphemeralKeys().issue(SessionConfig(), 600)).value
    with pytest.raises(GatewayError) as caught:
        await door.identify(token)
    assert caught.value.code is ErrorCode.UNAUTHORIZED
    assert (token or "?") not in caught.value.message


async def test_keys_hold_at_every_gateway_of_the_secret_and_are_no_tokens() -> None:
    (keys, door), (_, other) = doorkeeper(shut()), doorkeeper(shut())
    key = (await keys.issue(SessionConfig(), 600, "ann")).value
    assert (await other.identify(key)).owner == "ann"
    with pytest.raises(GatewayError):
        await door.identify(key.removeprefix("ek_"))
    token = SecretTokens(SECRET).mint("ann", frozenset(Scope), 60)
    with pytest.raises(GatewayError):
        await door.identify(f"ek_{token}")


async def test_a_key_that_has_expired_still_names_what_it_opened() -> None:
    _, door = doorkeeper(shut())
    keys, _ = doorkeeper(shut())
    keys._clock = lambda: 0.0
    old = await keys.issue(SessionConfig(), 600, "ann")
    with pytest.raises(GatewayError):
        await door.identify(old.value)
    caller = await door.identify(old.value, even_expired=True)
    assert (caller.owner, caller.grant.key_id) == ("ann", old.id)
