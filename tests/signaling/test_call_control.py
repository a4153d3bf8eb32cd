"""An application's hand on live calls, with OpenAI's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest
import pytest_asyncio
import structlog

from client.python import Microphone
from client.python.peer import Peer
from gateway.agents.call_control import TransferRefused
from gateway.core.ending import Ending
from gateway.session_call import CallLine
from signaling.app import Gateway
from tests.stand_in import StandIn

SDP = {"Content-Type": "application/sdp"}


@pytest_asyncio.fixture
async def app(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="sk-any", base_url=f"{gateway.url}/v1", max_retries=0
    ) as client:
        yield client


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def offer() -> AsyncIterator[str]:
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, _ = await peer.offer()
    yield offer
    await peer.close()
    microphone.stop()


async def call(http: aiohttp.ClientSession, gateway: Gateway, offer: str, key: str = "") -> str:
    """A call's id."""
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{gateway.url}/v1/realtime/calls"
    async with http.post(url, data=offer, headers={**SDP, **shown}) as answer:
        assert answer.status == 201
        return answer.headers["Location"].rpartition("/")[2]


async def test_a_call_is_hung_up(
    http: aiohttp.ClientSession,
    gateway: Gateway,
    model: StandIn,
    offer: str,
    app: openai.AsyncOpenAI,
) -> None:
    call_id = await call(http, gateway, offer)
    await model.line()
    assert gateway.sessions is not None
    with structlog.testing.capture_logs() as records:
        await app.realtime.calls.hangup(call_id)
    assert len(gateway.sessions) == 0, "nothing is left of it when that is answered"
    ends = [record["reason"] for record in records if record["event"] == "session ended"]
    assert ends == [Ending.CONTROLLED]
    with pytest.raises(openai.NotFoundError) as caught:
        await app.realtime.calls.hangup(call_id)
    assert caught.value.code == "not_found"
    assert caught.value.request_id


async def test_what_does_not_ring_is_neither_accepted_nor_rejected(
    http: aiohttp.ClientSession,
    gateway: Gateway,
    model: StandIn,
    offer: str,
    app: openai.AsyncOpenAI,
) -> None:
    call_id = await call(http, gateway, offer)
    with pytest.raises(openai.ConflictError):
        await app.realtime.calls.accept(call_id, type="realtime")
    with pytest.raises(openai.ConflictError):
        await app.realtime.calls.reject(call_id)
    for unknown in ("rtc_0", "x" * 300):
        with pytest.raises(openai.NotFoundError):
            await app.realtime.calls.accept(unknown, type="realtime")


async def test_a_phone_s_call_is_passed_on(gateway: Gateway, app: openai.AsyncOpenAI) -> None:
    class Line(CallLine):
        prefers_signaling = False
        passed: list[str] = []  # noqa: RUF012

        async def transfer(self, target: str | None) -> None:
            if target == "tel:+49301":
                raise TransferRefused("the other side is busy")
            self.passed.append(target)

    assert gateway.sessions is not None
    assert gateway.live is not None
    session = gateway.sessions.open("sip")
    call_id = gateway.live.new_id()
    gateway.live.add(call_id, session)
    with pytest.raises(openai.ConflictError, match="not possible on this kind of call"):
        await app.realtime.calls.refer(call_id, target_uri="tel:+49302")
    session.call.line = Line()
    with pytest.raises(openai.ConflictError, match="the other side is busy"):
        await app.realtime.calls.refer(call_id, target_uri="tel:+49301")
    await app.realtime.calls.refer(call_id, target_uri="tel:+49302")
    assert Line.passed == ["tel:+49302"]
    for target in ("", "x" * 257):
        with pytest.raises(openai.APIStatusError) as caught:
            await app.realtime.calls.refer(call_id, target_uri=target)
        assert caught.value.status_code in (400, 413)


async def test_a_key_hangs_up_its_own_calls_only(
    http: aiohttp.ClientSession,
    gateway: Gateway,
    model: StandIn,
    offer: str,
    app: openai.AsyncOpenAI,
) -> None:
    ann, bob = [(await app.realtime.client_secrets.create()).value for _ in range(2)]
    call_id = await call(http, gateway, offer, ann)
    with pytest.raises(openai.AuthenticationError):
        await app.with_options(api_key="ek_nonsense").realtime.calls.hangup(call_id)
    with pytest.raises(openai.NotFoundError):
        await app.with_options(api_key=bob).realtime.calls.hangup(call_id)
    assert len(gateway.sessions or ()) == 1
    await app.with_options(api_key=ann).realtime.calls.hangup(call_id)
    assert len(gateway.sessions or ()) == 0
