"""WHIP over real HTTP, with a real peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from client.python import Microphone
from client.python.peer import Peer
from gateway.core.ending import Ending
from gateway.core.responses import Phase
from signaling.app import Gateway
from signaling.keys import EphemeralKeys
from signaling.session_config import SessionConfig
from signaling.whip import ice_links
from tests.client.tones import tone
from tests.noted import noted
from tests.signaling.callers import until
from tests.stand_in import StandIn

OFFER = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host\r\n"
RESTART = "a=ice-ufrag:Anew\r\na=ice-pwd:AnotherPasswordOfTheOfferer\r\n"


@pytest_asyncio.fixture
async def http(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(gateway.url) as session:
        yield session


@pytest_asyncio.fixture
async def microphone() -> AsyncIterator[Microphone]:
    made = Microphone()
    yield made
    made.stop()


@pytest_asyncio.fixture
async def peer(microphone: Microphone) -> AsyncIterator[Peer]:
    made = Peer(microphone, [], "127.0.0.1")
    yield made
    await made.close()


async def code_of(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    body: dict[str, Any] = await answer.json()
    return answer.status, body["error"]["code"]


async def test_a_call_is_opened_heard_and_ended(
    http: aiohttp.ClientSession,
    model: StandIn,
    gateway: Gateway,
    peer: Peer,
    microphone: Microphone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer, _ = await peer.offer()
    async with http.post("/whip", data=offer, headers=OFFER) as created:
        assert created.status == 201
        assert created.content_type == "application/sdp"
        where = created.headers["Location"]
        assert created.headers["ETag"].startswith('"')
        await peer.accept(await created.text())
    await peer.wait_connected(10.0)
    await microphone.say(tone(0.2, 24_000), 24_000)
    await (await model.line()).wait_for_audio(4800)
    actions = noted(monkeypatch)
    async with http.delete(where) as ended:
        assert ended.status == 200
    assert actions == ["call.hangup"]
    assert len(gateway.sessions or ()) == 0
    async with http.delete(where) as again:
        assert await code_of(again) == (404, "not_found")


async def test_candidates_and_restarts_are_of_one_ice_session(
    http: aiohttp.ClientSession, model: StandIn, gateway: Gateway, peer: Peer
) -> None:
    offer, _ = await peer.offer()
    async with http.post("/whip", data=offer, headers=OFFER) as created:
        where, etag, sdp = (
            created.headers["Location"],
            created.headers["ETag"],
            await created.text(),
        )

    def patch(body: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.patch(where, data=body, headers={**FRAGMENT, **named})

    async with patch(CANDIDATE, If_Match=etag) as answer:
        assert answer.status == 204
    async with patch(CANDIDATE) as answer:
        assert await code_of(answer) == (428, "precondition_required")
    async with patch(CANDIDATE, If_Match='"another"') as answer:
        assert await code_of(answer) == (412, "precondition_failed")
    async with patch("nonsense", If_Match=etag) as answer:
        assert await code_of(answer) == (400, "bad_request")
    async with patch("a=ice-ufrag:Anew\r\n", If_Match="*") as answer:
        assert await code_of(answer) == (400, "bad_request")
    async with patch(CANDIDATE, If_Match=etag, Content_Type="application/sdp") as answer:
        assert await code_of(answer) == (415, "unsupported_format")
        assert answer.headers["Accept-Patch"] == FRAGMENT["Content-Type"]
    async with patch(RESTART, If_Match="*") as answer:
        assert answer.status == 200
        assert answer.content_type == FRAGMENT["Content-Type"]
        renewed, fragment = answer.headers["ETag"], await answer.text()
    assert renewed != etag
    (ufrag,) = [line for line in fragment.splitlines() if line.startswith("a=ice-ufrag")]
    assert ufrag not in sdp
    assert "a=candidate" in fragment
    async with patch(CANDIDATE, If_Match=etag) as answer:
        assert await code_of(answer) == (412, "precondition_failed")
    async with patch(RESTART + CANDIDATE, If_Match=renewed) as answer:
        assert answer.status == 204
    assert len(gateway.sessions or ()) == 1
    await http.delete(where)


async def test_a_key_is_for_its_own_call(
    http: aiohttp.ClientSession, model: StandIn, gateway: Gateway, peer: Peer
) -> None:
    offer, _ = await peer.offer()
    keys = []
    for _ in range(2):
        async with http.post("/v1/realtime/client_secrets") as answer:
            keys.append({"Authorization": f"Bearer {(await answer.json())['value']}"})
    ann, bob = keys
    foreign = (await EphemeralKeys().issue(SessionConfig(), 600)).value
    stranger = {**OFFER, "Authorization": f"Bearer {foreign}"}
    async with http.post("/whip", data=offer, headers=stranger) as refused:
        assert await code_of(refused) == (401, "unauthorized")
    async with http.post("/whip", data=offer, headers={**OFFER, **ann}) as created:
        where = created.headers["Location"]
    async with http.delete(where, headers=bob) as refused:
        assert await code_of(refused) == (404, "not_found"), "as if there were none"
    async with http.delete(where, headers=ann) as ended:
        assert ended.status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_other_methods_are_refused(http: aiohttp.ClientSession, method: str) -> None:
    for path in ("/whip", "/whip/rtc_0"):
        async with http.request(method, path) as answer:
            assert answer.status == 405


async def test_what_may_be_sent_is_said(http: aiohttp.ClientSession) -> None:
    async with http.options("/whip") as answer:
        assert answer.headers["Accept-Post"] == "application/sdp"
    async with http.options("/whip/rtc_0") as answer:
        assert answer.headers["Accept-Patch"] == FRAGMENT["Content-Type"]
    async with http.post("/whip", data=b"v=0") as answer:
        assert await code_of(answer) == (415, "unsupported_format")


def test_ice_servers_are_links() -> None:
    turn = {"urls": ["turn:turn.example?transport=udp"], "username": "1:ann", "credential": 'a"b\\'}
    assert ice_links([{"urls": ["stun:stun.example"]}, turn]) == [
        '<stun:stun.example>; rel="ice-server"',
        '<turn:turn.example?transport=udp>; rel="ice-server"; username="1:ann"; '
        'credential="a\\"b\\\\"; credential-type="password"',
    ]


async def test_a_caller_who_takes_no_audio_is_idle_when_nobody_speaks(
    http: aiohttp.ClientSession, model: StandIn, gateway: Gateway, peer: Peer
) -> None:
    offer, _ = await peer.offer()
    sendonly = offer.replace("a=sendrecv", "a=sendonly")
    assert sendonly != offer
    async with http.post("/whip", data=sendonly, headers=OFFER) as created:
        answer = await created.text()
    assert "a=recvonly" in answer
    await peer.accept(answer)
    await peer.wait_connected(10.0)
    assert gateway.sessions is not None
    (session,) = gateway.sessions._live.values()
    await until(lambda: session._conversation.audible)
    line = await model.line()
    await line.answer("Is anybody there?", b"\1\0" * 24_000)
    # It waits, as for a caller who holds.
    await until(lambda: session._playout.owed_samples == 24_000)
    await until(lambda: session._conversation.responses.phase is Phase.IDLE)
    now = asyncio.get_running_loop().time()
    session._tick(now)
    assert not session.ended
    session._tick(now + gateway._settings.session_idle_timeout)
    assert session.end_reason == Ending.IDLE
    await until(lambda: len(gateway.sessions or ()) == 0)
