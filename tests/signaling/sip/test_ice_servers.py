"""``/sip/ice-servers``: who is told, and what."""

from __future__ import annotations

import base64

import aiohttp

from tests.gateways import running_gateway

NOBODY = "ws://127.0.0.1:9"
SERVERS = '[{"urls": "turn:turn.example.org"}]'


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


async def test_an_account_gets_a_credential_of_its_own() -> None:
    async with (
        running_gateway(
            NOBODY,
            sip_users={"alice": "sécret", "bob": "other"},
            ice_servers=SERVERS,
            turn_secret="shared",
        ) as gateway,
        aiohttp.ClientSession(f"{gateway.url}/sip/") as http,
    ):
        async with http.get("ice-servers", headers=basic("alice", "sécret")) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
            (server,) = (await answer.json())["iceServers"]
        assert server["urls"] == ["turn:turn.example.org"]
        assert server["username"].endswith(":alice")
        assert server["credential"]
        for wrong in (
            basic("alice", "other"),
            basic("carol", ""),
            {"Authorization": "Basic ?"},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic /////w=="},
            {},
        ):
            async with http.get("ice-servers", headers=wrong) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith("Basic ")
                assert (await answer.json())["error"]["code"] == "unauthorized"


async def test_anybody_is_told_where_there_are_no_accounts_but_not_too_often() -> None:
    async with (
        running_gateway(NOBODY, call_rate=(0.001, 2)) as gateway,
        aiohttp.ClientSession() as http,
    ):
        statuses = []
        for _ in range(3):
            async with http.get(f"{gateway.url}/sip/ice-servers") as answer:
                statuses.append(answer.status)
    assert statuses == [200, 200, 429]
