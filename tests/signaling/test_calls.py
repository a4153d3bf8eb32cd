"""``POST /v1/realtime/calls`` with real offers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import structlog

from client.python import Microphone
from client.python.peer import Peer
from gateway.core.ending import Ending
from signaling import bodies
from signaling.app import Gateway
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.stand_in import StandIn

SDP = {"Content-Type": "application/sdp"}
PAGE = "https://talk.example"


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
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


def count(gateway: Gateway) -> int:
    return len(gateway.sessions or ())


async def post(
    http: aiohttp.ClientSession, gateway: Gateway, body: Any, query: str = "", **headers: str
) -> tuple[aiohttp.ClientResponse, str]:
    url = f"{gateway.url}/v1/realtime/calls{query}"
    async with http.post(url, data=body, headers={**SDP, **headers}) as answer:
        return answer, await answer.text()


async def error(answer: aiohttp.ClientResponse, text: str) -> dict[str, Any]:
    assert answer.content_type == "application/json"
    body: dict[str, Any] = (await answer.json())["error"]
    assert body.keys() == {"type", "code", "message", "param"}
    assert body["param"] is None
    return body


async def test_a_call_is_answered_lives_and_ends_with_its_peer(
    http: aiohttp.ClientSession,
    model: StandIn,
    gateway: Gateway,
    peer: Peer,
    microphone: Microphone,
) -> None:
    offer, _ = await peer.offer()
    answer, sdp = await post(http, gateway, offer, "?model=some-model")
    assert answer.status == 201
    assert answer.content_type == "application/sdp"
    assert answer.headers["Location"].startswith("/v1/realtime/calls/rtc_")
    candidates = [line for line in sdp.splitlines() if line.startswith("a=candidate")]
    assert candidates
    assert all(" 127.0.0.1 " in line for line in candidates), "PUBLIC_ADDRESS is what is offered"
    await peer.accept(sdp)
    await peer.wait_connected(10.0)
    line = await model.line()
    assert line.path.endswith("?model=some-model")
    await microphone.say(tone(0.2, 24_000), 24_000)
    await line.wait_for_audio(4800)
    assert count(gateway) == 1
    await peer.close()
    await until(lambda: count(gateway) == 0)


async def test_a_call_that_is_never_taken_up_ends(
    http: aiohttp.ClientSession, gateway: Gateway, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.ice.CONNECT_TIMEOUT", 0.1)
    offer, _ = await peer.offer()
    answer, _ = await post(http, gateway, offer)
    assert answer.status == 201
    await until(lambda: count(gateway) == 0)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/sdp", 400, "negotiation_failed"),
        (b"v=0", "application/sdp", 400, "negotiation_failed"),
        (b"\xff\xfe\xfd", "application/sdp", 400, "bad_request"),
        (b"v=0\r\n", "application/json", 415, "unsupported_format"),
        (b"v=0\r\n", "text/plain", 415, "unsupported_format"),
        (b"v=0\r\n", "", 415, "unsupported_format"),
        (b"a" * 65_537, "application/sdp", 413, "too_large"),
        (b"a" * 3_000_000, "application/sdp", 413, "too_large"),
    ],
)
async def test_a_bad_offer_is_refused_and_leaves_no_session(
    http: aiohttp.ClientSession,
    gateway: Gateway,
    body: bytes,
    content_type: str,
    status: int,
    code: str,
) -> None:
    with structlog.testing.capture_logs() as records:
        answer, text = await post(http, gateway, body, **{"Content-Type": content_type})
    ends = [record["reason"] for record in records if record["event"] == "session ended"]
    assert ends == ([Ending.NO_ANSWER] if code == "negotiation_failed" else [])
    assert answer.status == status, text
    body_of = await error(answer, text)
    assert body_of["code"] == code
    assert body_of["type"] == "invalid_request_error"
    assert body_of["message"]
    assert count(gateway) == 0


@pytest.mark.parametrize("session", ["{", "[]", '{"speed": NaN}', '{"speed": 1e999}', "[" * 90_000])
async def test_a_session_that_is_no_json_object_is_refused(
    http: aiohttp.ClientSession, gateway: Gateway, session: str
) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("sdp", "v=0", content_type="application/sdp")
    form.add_field("session", session, content_type="application/json")
    async with http.post(f"{gateway.url}/v1/realtime/calls", data=form) as answer:
        assert answer.status == 400
        assert (await error(answer, await answer.text()))["code"] == "bad_request"
    assert count(gateway) == 0


async def test_a_body_of_unknown_length_is_bounded_too(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"a" * 10_000

    try:
        answer, _ = await post(http, gateway, endless())
    except aiohttp.ClientError:
        return  # The gateway hung up on it before it had finished.
    assert answer.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.05)
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "POST /v1/realtime/calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\nv=0".encode())
    status = await reader.readline()
    assert b" 400 " in status
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("model_name", ["", "x" * 257])
async def test_a_model_must_have_a_name(
    http: aiohttp.ClientSession, gateway: Gateway, model_name: str
) -> None:
    answer, text = await post(http, gateway, b"v=0", f"?model={model_name}")
    assert answer.status == 400
    assert (await error(answer, text))["code"] == "bad_request"


async def test_beyond_the_cap_and_while_draining_it_says_when_to_come_back(
    http: aiohttp.ClientSession, model: StandIn, peer: Peer
) -> None:
    offer, _ = await peer.offer()
    async with running_gateway(model.url, max_sessions=1) as gateway:
        assert gateway.sessions is not None
        gateway.sessions.open("ann")
        answer, text = await post(http, gateway, offer)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await error(answer, text))["code"] == "capacity"
        assert (await error(answer, text))["type"] == "server_error"


async def test_pages_of_admitted_origins_may_call(
    http: aiohttp.ClientSession, model: StandIn, peer: Peer
) -> None:
    offer, _ = await peer.offer()
    async with running_gateway(model.url, allowed_origins=(PAGE,)) as gateway:
        answer, _ = await post(http, gateway, offer, Origin=PAGE)
        assert answer.status == 201
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]
        refused, _ = await post(http, gateway, b"v=0", Origin=PAGE)
        assert refused.status == 400
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE, "it may read why"
        stranger, text = await post(http, gateway, offer, Origin="https://evil.example")
        assert stranger.status == 403
        assert (await error(stranger, text))["code"] == "unauthorized"
        assert "Access-Control-Allow-Origin" not in stranger.headers
        assert count(gateway) == 1


async def test_other_methods_are_told_which_to_use(
    http: aiohttp.ClientSession, gateway: Gateway
) -> None:
    async with http.get(f"{gateway.url}/v1/realtime/calls") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await answer.json())["error"]["code"] == "method_not_allowed"
