"""Tokens of a provider that really serves its keys."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.core.events import ErrorCode, GatewayError
from signaling import oidc
from signaling.caller import Caller, Scope
from signaling.doorkeeper import doorkeeper
from signaling.oidc import OidcTokens
from tests.gateways import loopback_settings

NOBODY = "ws://127.0.0.1:9"

PRIVATE = {
    "one": rsa.generate_private_key(65537, 2048),
    "two": ec.generate_private_key(ec.SECP256R1()),
}
ALGORITHMS = {"one": "RS256", "two": "ES256"}


class Provider:
    """Publishes the keys that it is told to."""

    def __init__(self) -> None:
        self.published = ["one"]
        self.asked = 0
        self.name: str | None = None
        self.url = ""
        self.fails = False

    async def _about(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.fails:
            raise web.HTTPInternalServerError
        issuer = self.name or self.url
        return web.json_response({"issuer": issuer, "jwks_uri": f"{self.url}/keys"})

    async def _keys(self, request: web.Request) -> web.Response:
        keys = [self._published(kid) for kid in self.published]
        return web.json_response({"keys": keys})

    def _published(self, kid: str) -> dict[str, Any]:
        public: Any = PRIVATE[kid].public_key()
        kind = jwt.algorithms.RSAAlgorithm if kid == "one" else jwt.algorithms.ECAlgorithm
        return {**json.loads(kind.to_jwk(public)), "kid": kid, "use": "sig"}

    def token(self, kid: str = "one", **changes: Any) -> str:
        claims = {"iss": self.url, "sub": "ann", "exp": time.time() + 60, "aud": "talkpath"}
        key: Any = PRIVATE[kid]
        return jwt.encode({**claims, **changes}, key, ALGORITHMS[kid], {"kid": kid})

    def nameless(self, kid: str = "one") -> str:
        """A token that does not say which key it was signed with."""
        claims = {"iss": self.url, "sub": "ann", "exp": time.time() + 60, "aud": "talkpath"}
        key: Any = PRIVATE[kid]
        return jwt.encode(claims, key, ALGORITHMS[kid])


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.add_routes(
        [
            web.get("/.well-known/openid-configuration", provider._about),
            web.get("/keys", provider._keys),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield provider
    await runner.cleanup()


@pytest_asyncio.fixture
async def tokens(provider: Provider) -> AsyncIterator[OidcTokens]:
    tokens = OidcTokens(provider.url, "talkpath")
    yield tokens
    await tokens.close()


async def test_a_token_of_the_issuer_lets_in_and_its_keys_are_kept(
    provider: Provider, tokens: OidcTokens
) -> None:
    owner = f"{provider.url} ann"
    for _ in range(3):
        assert await tokens.verify(provider.token()) == Caller(owner, "ann")
    caller = await tokens.verify(provider.token(scope="openid admin"))
    assert caller is not None
    assert Scope.ADMIN in caller.scopes
    assert provider.asked == 1


async def test_a_token_may_name_no_key_where_there_is_but_one(
    provider: Provider, tokens: OidcTokens
) -> None:
    provider.published = ["one"]
    assert await tokens.verify(provider.nameless()) is not None
    assert await tokens.verify(provider.nameless("two")) is None, "another key's signature"


async def test_a_token_has_to_name_one_of_several_keys(
    provider: Provider, tokens: OidcTokens
) -> None:
    provider.published = ["one", "two"]
    assert await tokens.verify(provider.nameless()) is None
    assert await tokens.verify(provider.token()) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"sub": ""},
    ],
)
async def test_what_is_not_for_this_gateway_does_not(
    provider: Provider, tokens: OidcTokens, changes: dict[str, Any]
) -> None:
    assert await tokens.verify(provider.token(**changes)) is None


async def test_other_kinds_of_token_do_not(provider: Provider, tokens: OidcTokens) -> None:
    claims = {"iss": provider.url, "sub": "ann", "exp": time.time() + 60, "aud": "talkpath"}
    for token in (
        "nonsense",
        jwt.encode(claims, None, "none"),
        jwt.encode(claims, "s" * 32, "HS256", {"kid": "one"}),
        provider.token("two"),
        provider.token()[:-6] + "AAAAAA",
    ):
        assert await tokens.verify(token) is None


async def test_a_new_key_is_fetched_when_a_token_names_it(
    provider: Provider, tokens: OidcTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await tokens.verify(provider.token()) is not None
    provider.published = ["two"]
    assert await tokens.verify(provider.token("two")) is None, "not that soon again"
    monkeypatch.setattr(oidc, "BETWEEN", 0.0)
    assert await tokens.verify(provider.token("two")) is not None
    assert await tokens.verify(provider.token("one")) is None, "it is no longer published"


async def test_nobody_can_make_it_ask_all_the_time(provider: Provider, tokens: OidcTokens) -> None:
    for number in range(20):
        key: Any = PRIVATE["one"]
        token = jwt.encode({"sub": "ann"}, key, "RS256", {"kid": f"k{number}"})
        assert await tokens.verify(token) is None
    assert provider.asked == 1


async def test_a_provider_that_is_gone_takes_nothing_back(
    provider: Provider, tokens: OidcTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await tokens.verify(provider.token()) is not None
    provider.fails = True
    monkeypatch.setattr(oidc, "KEPT", -1.0)
    monkeypatch.setattr(oidc, "BETWEEN", 0.0)
    assert await tokens.verify(provider.token()) is not None


async def test_a_provider_by_another_name_is_not_believed(
    provider: Provider, tokens: OidcTokens
) -> None:
    provider.name = "https://other.example"
    assert await tokens.verify(provider.token()) is None


async def test_oidc_audience_says_for_whom_tokens_have_to_be(provider: Provider) -> None:
    _, door = doorkeeper(
        loopback_settings(NOBODY, oidc_issuer=provider.url, oidc_audience="talkpath")
    )
    _, anybodys = doorkeeper(loopback_settings(NOBODY, oidc_issuer=provider.url))
    other = provider.token(aud="another service")
    assert (await door.identify(provider.token())).name == "ann"
    assert (await anybodys.identify(other)).name == "ann"
    with pytest.raises(GatewayError) as caught:
        await door.identify(other)
    assert caught.value.code is ErrorCode.UNAUTHORIZED
