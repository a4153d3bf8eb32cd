"""Every door of a shut gateway, with every kind of token: a table that no route is missing from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import socketio
from pydantic import SecretStr

from gateway.core.ending import Ending
from gateway.core.events import Status
from gateway.session import Session
from gateway.sip_settings import parse_addresses
from signaling.access import ACCESS, Access
from signaling.app import Gateway
from signaling.caller import Caller as Known
from signaling.caller import Scope
from signaling.keys import Grant
from signaling.session_config import SessionConfig
from signaling.tokens import SecretTokens
from tests.gateways import running_gateway
from tests.signaling.callers import Caller, until
from tests.signaling.sip.phone import Phone, kind
from tests.signaling.sip.test_door import socket
from tests.stand_in import StandIn

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the secret of a gateway in the tests"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)
OWNED = ("{call_id}", "{id}")
ROUTES = sorted(ACCESS)
GUARDED = [route for route in ROUTES if ACCESS[route] is not Access.OPEN]
OWN = [route for route in GUARDED if ACCESS[route] is not Access.ADMIN]
RESOURCES = [route for route in OWN if any(part in route[1] for part in OWNED)]


def mint(name: str, *scopes: Scope, lifetime: float = 600, secret: str = SECRET) -> str:
    return SecretTokens(secret).mint(name, frozenset(scopes), lifetime)


ANN = mint("ann", Scope.CALL)
BOB = mint("bob", Scope.CALL)
OPERATOR = mint("boss", *Scope)
BAD = {
    "no token": None,
    "nonsense": "nonsense",
    "another secret's": mint("ann", *Scope, secret="another secret of the same length"),
    "expired": mint("ann", *Scope, lifetime=-1),
    "a key that is none": "ek_nonsense",
    "much too long": "x" * 7_000,
}
OF_NO_SCOPE = mint("eve")


@dataclass
class House:
    """A gateway with a call of Ann's, and its recording."""

    gateway: Gateway
    http: aiohttp.ClientSession
    call_id: str
    session: Session

    async def ask(self, route: tuple[str, str], token: str | None, **headers: str) -> int:
        method, path = route
        path = path.replace("{call_id}", self.call_id).replace("{id}", self.session.id)
        path = path.replace("{file}", "events.jsonl").replace("{path}", "talkpath.js")
        path = path.replace("{listener}", "lis_none")
        shown = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.http.request(
            "GET" if method == "*" else method, path, headers={**shown, **headers}
        ) as answer:
            if answer.status in (UNAUTHORIZED, FORBIDDEN, NOT_FOUND):
                text = await answer.text()
                assert "ann" not in text.lower().replace("channel", "")
            if answer.status == UNAUTHORIZED and ACCESS[route] is not Access.OPEN:
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert (await answer.json())["error"]["code"] == "unauthorized"
            return answer.status


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    root: Path = tmp_path_factory.mktemp("recordings")
    async with (
        StandIn() as model,
        running_gateway(
            model.url,
            auth_secret=SecretStr(SECRET),
            record_dir=root,
            sip_listen=parse_addresses("udp:127.0.0.1:0"),
        ) as gateway,
        aiohttp.ClientSession(
            gateway.url, connector=aiohttp.TCPConnector(force_close=True)
        ) as http,
    ):
        assert gateway.sessions is not None
        assert gateway.live is not None
        async with Caller(gateway.url, token=BOB):
            pass  # From the first client on Socket.IO has a task of its own.
        call_id = gateway.live.new_id()
        session = gateway.sessions.open("ann", owner="ann")
        gateway.live.add(call_id, session)
        await until(lambda: session.status is Status.CONNECTED)
        # All its files are open then.
        await until(lambda: any(root.glob("*/recording.ogg")))
        yield House(gateway, http, call_id, session)
        await gateway.sessions.end(session, Ending.HUNG_UP)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def only_anns_call_after(house: House) -> AsyncIterator[None]:
    yield
    await until(lambda: house.gateway.sessions is not None and len(house.gateway.sessions) == 1)


async def test_the_table_has_every_route(house: House) -> None:
    assert house.gateway._runner is not None
    routes = set()
    for route in house.gateway._runner.app.router.routes():
        assert route.resource is not None
        if route.method != "HEAD":
            routes.add((route.method, route.resource.canonical))
    assert routes == set(ROUTES), routes ^ set(ROUTES)


@pytest.mark.parametrize("route", GUARDED, ids=" ".join)
async def test_without_a_token_that_holds_nothing_is_told(
    house: House, route: tuple[str, str]
) -> None:
    for what, token in BAD.items():
        assert await house.ask(route, token) == UNAUTHORIZED, what
    assert await house.ask(route, OF_NO_SCOPE) == FORBIDDEN


@pytest.mark.parametrize(
    "route", [route for route in GUARDED if ACCESS[route] is Access.ADMIN], ids=" ".join
)
async def test_what_is_an_operators_is_nobody_elses(house: House, route: tuple[str, str]) -> None:
    assert await house.ask(route, ANN) == FORBIDDEN
    if not route[1].endswith("/hangup"):
        assert await house.ask(route, OPERATOR) not in (UNAUTHORIZED, FORBIDDEN)


@pytest.mark.parametrize("route", RESOURCES, ids=" ".join)
async def test_what_is_anothers_is_as_if_it_were_not_there(
    house: House, route: tuple[str, str]
) -> None:
    assert await house.ask(route, BOB) == NOT_FOUND


@pytest.mark.parametrize(
    "route", [r for r in OWN if r[1].rsplit("/")[-1] not in ("hangup",)], ids=" ".join
)
async def test_the_right_token_opens(house: House, route: tuple[str, str]) -> None:
    for token in (ANN, OPERATOR):
        assert await house.ask(route, token) not in (UNAUTHORIZED, FORBIDDEN)


@pytest.mark.parametrize("route", [r for r in ROUTES if r not in GUARDED], ids=" ".join)
async def test_what_is_open_is_open(house: House, route: tuple[str, str]) -> None:
    if route[1] == "/sip/ice-servers":  # It asks for a phone's account, and there is none.
        assert await house.ask(route, None) == UNAUTHORIZED
    else:
        assert await house.ask(route, None) in (200, 204, 400, 404)


async def test_a_page_elsewhere_may_do_nothing(house: House) -> None:
    for route in (("POST", "/v1/realtime/calls"), ("DELETE", "/api/recordings/{id}")):
        assert await house.ask(route, OPERATOR, Origin="https://evil.example") == FORBIDDEN


async def test_a_key_opens_calls_and_nothing_more(house: House) -> None:
    assert house.gateway._doorkeeper is not None
    key = (await house.gateway._doorkeeper._keys.issue(SessionConfig(), 600, "ann")).value
    assert await house.ask(("POST", "/v1/realtime/calls"), key) not in (UNAUTHORIZED, FORBIDDEN)
    for route in GUARDED:
        if ACCESS[route] is Access.ADMIN or "recordings" in route[1]:
            assert await house.ask(route, key) == FORBIDDEN, route
        elif "{call_id}" in route[1]:
            assert await house.ask(route, key) == NOT_FOUND, route


@pytest.mark.parametrize("what", BAD)
async def test_socketio_lets_nobody_in(house: House, what: str) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with Caller(house.gateway.url, token=BAD[what]):
            pass


async def test_socketio_resumes_nobody_elses_session(house: House) -> None:
    wanted = {"sessionId": house.session.id, "resumeToken": house.session.resume_token}
    async with Caller(house.gateway.url, token=BOB) as bob:
        refused = await bob.ask("join_session", wanted)
        assert refused["error"]["code"] == "session_expired"
        unknown = await bob.ask("join_session", {**wanted, "sessionId": "sess_unknown"})
        assert unknown == refused
    async with Caller(house.gateway.url, token=OF_NO_SCOPE) as eve:
        assert (await eve.ask("join_session", {}))["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("token", "query", "status"),
    [
        *((token, "model=any", 401) for token in BAD.values()),
        (OF_NO_SCOPE, "model=any", 403),
        (ANN, "model=any", 101),
        (BOB, "call_id=", 404),
        (ANN, "call_id=", 101),
        (OPERATOR, "call_id=", 101),
    ],
)
async def test_websockets(house: House, token: str | None, query: str, status: int) -> None:
    shown = {} if token is None else {"Authorization": f"Bearer {token}"}
    path = f"/v1/realtime?{query}" + (house.call_id if query.endswith("=") else "")
    connected = house.http.ws_connect(path, protocols=["realtime"], headers=shown)
    if status == 101:
        async with connected:
            pass
    else:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connected
        assert refused.value.status == status


async def test_phones_without_an_account_are_refused(house: House) -> None:
    async with socket(house.gateway) as wire:
        wire.send(Phone().invite())
        assert kind(await wire.final()) == "403"
        wire.send(Phone("alice", contact="<sip:alice@192.0.2.7:5060>").request("REGISTER"))
        assert kind(await wire.final()) == "403", "nobody takes a name that operators call"


async def test_a_call_belongs_to_whoever_opened_it() -> None:
    key = Known("ann", None, grant=Grant(SessionConfig(), "key-1"))
    assert key.controls("ann", "key-1")
    assert not key.controls("ann", "key-2")
    assert not Known("bob").controls("ann", None)
    assert Known("boss", scopes=frozenset(Scope)).controls("ann", "key-2")
