"""Ephemeral keys at every door that takes one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from gateway.core.ending import Ending
from signaling.app import Gateway
from signaling.keys import EphemeralKeys
from signaling.session_config import SessionConfig
from tests.gateways import running_gateway
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

pytestmark = pytest.mark.asyncio(loop_scope="module")

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
UNAUTHORIZED, NOT_FOUND = 401, 404
LIFETIME = 600


@dataclass
class Doors:
    gateway: Gateway
    http: aiohttp.ClientSession

    @property
    def keys(self) -> EphemeralKeys:
        assert self.gateway._doorkeeper is not None
        return self.gateway._doorkeeper._keys

    async def key(self, lifetime: int = LIFETIME) -> str:
        return (await self.keys.issue(SessionConfig(), lifetime)).value

    async def call_of(self, key: str) -> str:
        """A live call that the key opened; its id."""
        assert self.gateway.live is not None
        assert self.gateway.sessions is not None
        call_id = self.gateway.live.new_id()
        session = self.gateway.sessions.open(call_id)
        self.gateway.live.add(call_id, session, await self.keys.open(key))
        return call_id

    async def ask(self, method: str, path: str, token: str, **headers: str) -> int:
        shown = {"Authorization": f"Bearer {token}", **headers}
        async with self.http.request(method, path, data=b"v=0", headers=shown) as answer:
            if answer.status == UNAUTHORIZED:
                assert (await answer.json())["error"]["code"] == "unauthorized"
            return answer.status

    async def connect(self, query: str, token: str, *, as_protocol: bool = False) -> int:
        protocols = ["realtime"]
        headers = {"Authorization": f"Bearer {token}"}
        if as_protocol:
            protocols.append(f"openai-insecure-api-key.{token}")
            headers = {}
        try:
            async with self.http.ws_connect(
                f"/v1/realtime?{query}", protocols=protocols, headers=headers
            ):
                return 101
        except aiohttp.WSServerHandshakeError as refused:
            return refused.status

    async def join(self, token: str) -> int:
        async with Caller(self.gateway.url, token=token) as caller:
            answer = await caller.ask("join_session", {})
        return 200 if answer["ok"] else {"unauthorized": UNAUTHORIZED}[answer["error"]["code"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors() -> AsyncIterator[Doors]:
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        aiohttp.ClientSession(
            gateway.url, connector=aiohttp.TCPConnector(force_close=True)
        ) as http,
    ):
        async with Caller(gateway.url):
            pass  # From the first client on Socket.IO has a task of its own.
        yield Doors(gateway, http)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_calls_after(doors: Doors) -> AsyncIterator[None]:
    yield
    assert doors.gateway.sessions is not None
    for session in list(doors.gateway.sessions._live.values()):
        await doors.gateway.sessions.end(session, Ending.HUNG_UP)


Opens = Callable[[Doors, str], Awaitable[int]]
Controls = Callable[[Doors, str, str], Awaitable[int]]
CALLS = "/v1/realtime/calls"

# What each door answers to a key that holds, and to a request that has nothing else.
OPENING: dict[str, tuple[Opens, int]] = {
    "calls": (lambda d, key: d.ask("POST", CALLS, key, **SDP), 400),
    "WHIP": (lambda d, key: d.ask("POST", "/whip", key, **SDP), 400),
    "WebSocket": (lambda d, key: d.connect("model=any", key), 101),
    "subprotocol": (lambda d, key: d.connect("model=any", key, as_protocol=True), 101),
    "Socket.IO": (lambda d, key: d.join(key), 200),
}
CONTROLLING: dict[str, tuple[Controls, int]] = {
    "sideband": (lambda d, call, key: d.connect(f"call_id={call}", key), 101),
    "hangup": (lambda d, call, key: d.ask("POST", f"{CALLS}/{call}/hangup", key), 200),
    "accept": (lambda d, call, key: d.ask("POST", f"{CALLS}/{call}/accept", key), 409),
    "reject": (lambda d, call, key: d.ask("POST", f"{CALLS}/{call}/reject", key), 409),
    "refer": (lambda d, call, key: d.ask("POST", f"{CALLS}/{call}/refer", key), 400),
}
# A call outlives its key, and can still be trickled to and ended: 404, as it is none of WHIP's.
OUTLIVING: dict[str, tuple[Controls, int]] = {
    "PATCH": (lambda d, call, key: d.ask("PATCH", f"/whip/{call}", key, **FRAGMENT), 404),
    "DELETE": (lambda d, call, key: d.ask("DELETE", f"/whip/{call}", key), 404),
}


async def wrong_keys(doors: Doors) -> dict[str, str]:
    own = await doors.key()
    head, _, signature = own.rpartition(".")
    changed = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    return {
        "no key": "ek_nonsense",
        "another signature": f"{head}.{changed}",
        "another gateway's": (await EphemeralKeys().issue(SessionConfig(), LIFETIME)).value,
        "expired": await doors.key(-1),
    }


@pytest.mark.parametrize("name", OPENING)
async def test_a_key_opens_until_it_expires(
    doors: Doors, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens, right = OPENING[name]
    for what, key in (await wrong_keys(doors)).items():
        assert await opens(doors, key) == UNAUTHORIZED, what
    key = await doors.key()
    assert await opens(doors, key) == right
    monkeypatch.setattr(doors.keys, "_clock", lambda: time.time() + LIFETIME)
    assert await opens(doors, key) == UNAUTHORIZED, "it opened a session before"


@pytest.mark.parametrize("name", CONTROLLING | OUTLIVING)
async def test_a_key_controls_what_it_opened(
    doors: Doors, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls, right = (CONTROLLING | OUTLIVING)[name]
    key = await doors.key()
    call_id = await doors.call_of(key)
    for what, wrong in (await wrong_keys(doors)).items():
        outlives = name in OUTLIVING and what == "expired"
        expected = NOT_FOUND if outlives else UNAUTHORIZED
        assert await controls(doors, call_id, wrong) == expected, what
    assert await controls(doors, call_id, await doors.key()) == NOT_FOUND, "of another session"
    with monkeypatch.context() as later:
        later.setattr(doors.keys, "_clock", lambda: time.time() + LIFETIME)
        expired = right if name in OUTLIVING else UNAUTHORIZED
        assert await controls(doors, call_id, key) == expired
    assert await controls(doors, call_id, key) == right
