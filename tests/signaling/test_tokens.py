"""Tokens under the gateway's own secret."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from signaling.caller import Caller, Scope
from signaling.tokens import SecretTokens

SECRET = "a secret of the tests, and long enough"
NOW = 1_800_000_000.0
CALL = frozenset({Scope.CALL})
TOKENS = SecretTokens(SECRET, lambda: NOW)


def signed(**claims: Any) -> str:
    return jwt.encode({"sub": "ann", "exp": int(NOW) + 60, **claims}, SECRET, "HS256")


async def test_what_is_minted_is_good_until_it_expires() -> None:
    token = TOKENS.mint("ann", CALL, 60)
    assert await TOKENS.verify(token) == Caller("ann", "ann", CALL)
    assert await SecretTokens(SECRET, lambda: NOW + 59.9).verify(token) is not None
    assert await SecretTokens(SECRET, lambda: NOW + 60).verify(token) is None
    assert await SecretTokens("another" + SECRET, lambda: NOW).verify(token) is None


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, CALL),
        ({"scope": "call"}, CALL),
        ({"scope": "admin"}, frozenset(Scope)),
        ({"scope": "call admin other"}, frozenset(Scope)),
        ({"scope": ["call"]}, CALL),
        ({"scp": "admin"}, frozenset(Scope)),
        ({"scope": "openid profile"}, CALL),
        ({"scope": "openid read:mail"}, frozenset()),
        ({"scope": ""}, frozenset()),
        ({"scope": []}, frozenset()),
        ({"scope": 7}, frozenset()),
        ({"scope": "administrator"}, frozenset()),
        ({"scope": None}, CALL),
    ],
)
async def test_what_it_is_good_for(claims: dict[str, Any], scopes: frozenset[Scope]) -> None:
    caller = await TOKENS.verify(signed(**claims))
    assert caller is not None
    assert caller.scopes == scopes


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW)},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"nbf": int(NOW) + 1},
        {"sub": ""},
        {"sub": "x" * 257},
        {"aud": "another service"},
    ],
)
async def test_what_is_not_in_force(claims: dict[str, Any]) -> None:
    assert await TOKENS.verify(signed(**claims)) is None


async def test_what_is_no_token() -> None:
    claims = {"sub": "ann", "exp": int(NOW) + 60}
    unsigned = jwt.encode(claims, None, "none")
    longer = jwt.encode(claims, SECRET * 2, "HS512")
    head, _, signature = signed().rpartition(".")
    for token in ("", "x", "a.b.c", "\ud800", unsigned, longer, f"{head}.", f"{head}.{signature}x"):
        assert await TOKENS.verify(token) is None
    for missing in claims:
        some = {name: value for name, value in claims.items() if name != missing}
        assert await TOKENS.verify(jwt.encode(some, SECRET, "HS256")) is None
