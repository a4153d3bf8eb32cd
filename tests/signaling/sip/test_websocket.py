"""``/sip`` with a real WebSocket client."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.core.sdp import parse_sdp
from signaling.app import Gateway
from tests.client.tones import tone
from tests.gateway.media.test_webrtc_offering import Callee
from tests.gateways import running_gateway
from tests.signaling.callers import until
from tests.signaling.sip.phone import Phone, header, kind
from tests.stand_in import StandIn


def url(gateway: Gateway) -> str:
    return f"{gateway.url}/sip"


async def test_text_and_binary_in_text_out() -> None:
    async with (
        running_gateway("ws://127.0.0.1:9") as gateway,
        aiohttp.ClientSession() as http,
        http.ws_connect(url(gateway), protocols=["sip"]) as socket,
        asyncio.timeout(5),
    ):
        assert socket.protocol == "sip"
        options = Phone(transport="WS").request("OPTIONS")
        await socket.send_bytes(options)
        assert kind(await socket.receive_str()) == "200"
        await socket.send_str(options.decode())
        answer = await socket.receive_str()
        assert kind(answer) == "200"
        assert ";received=127.0.0.1" in header(answer, "Via")
        await socket.send_str("\r\n\r\n")
        assert await socket.receive_str() == "\r\n"
        await socket.send_str("nonsense \r\n\r\n")
        await socket.send_str("x" * 70_000)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize(("proxies", "remote"), [(["127.0.0.1"], "203.0.113.9"), ([], "127.0.0.1")])
async def test_a_phone_behind_a_proxy_goes_by_its_own_address(
    proxies: list[str], remote: str
) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    async with (
        running_gateway("ws://127.0.0.1:9", trusted_proxies=proxies) as gateway,
        aiohttp.ClientSession() as http,
        http.ws_connect(url(gateway), protocols=["sip"], headers=forwarded) as socket,
        http.ws_connect(url(gateway), protocols=["sip"]) as beside,
        asyncio.timeout(5),
    ):
        assert gateway.sip is not None
        agent = gateway.sip._agent
        await socket.send_bytes(Phone(transport="WS").request("OPTIONS"))
        assert f";received={remote}" in header(await socket.receive_str(), "Via")
        # Who is beside it sends on, though it has sent too many.
        while agent.messages.take(remote, asyncio.get_running_loop().time()):
            pass
        await beside.send_bytes(Phone(transport="WS").request("OPTIONS"))
        if proxies:
            assert kind(await beside.receive_str()) == "200"
        else:
            await until(lambda: agent.messages.refused > 1)


async def test_a_page_that_leaves_is_registered_no_more() -> None:
    async with running_gateway("ws://127.0.0.1:9") as gateway, aiohttp.ClientSession() as http:
        assert gateway.sip is not None
        registrar = gateway.sip._agent.registrar
        async with http.ws_connect(url(gateway), protocols=["sip"]) as socket, asyncio.timeout(5):
            phone = Phone("alice", "WS", "<sip:x@y.invalid;transport=ws>")
            await socket.send_bytes(phone.request("REGISTER"))
            answer = await socket.receive_str()
            assert kind(answer) == "200"
            assert header(answer, "Contact") == f"{phone.contact};expires=3600"
            assert len(registrar.of("alice")) == 1
        await until(lambda: not registrar.of("alice"))


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"protocols": ["chat"]}, 400),
        ({"protocols": ["sip"], "origin": "https://evil.example"}, 401),
    ],
)
async def test_others_are_not_let_in(options: dict[str, object], status: int) -> None:
    async with running_gateway("ws://127.0.0.1:9") as gateway, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(url(gateway), **options)  # type: ignore[arg-type]
        assert caught.value.status == status


async def test_a_peer_that_reads_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.sip.user_agent.MESSAGES", (1e9, 1e9))
    async with running_gateway("ws://127.0.0.1:9") as gateway, aiohttp.ClientSession() as http:
        assert gateway.sip is not None
        socket = await http.ws_connect(url(gateway), protocols=["sip"])
        door = gateway.sip._websockets
        await until(lambda: len(door._flows) == 1)
        (flow,) = door._flows
        for _ in range(1_000):
            flow.send(b"x" * 1_000)
        await until(lambda: not door._flows)
        await socket.close()


async def test_a_late_offer_to_a_browser_is_webrtc_and_its_answer_connects() -> None:
    """And so is one within the call, of the same session."""
    callee = Callee()
    async with (
        StandIn() as model,
        running_gateway(model.url) as gateway,
        aiohttp.ClientSession() as http,
        http.ws_connect(url(gateway), protocols=["sip"]) as socket,
        asyncio.timeout(10),
    ):

        async def final() -> str:
            while kind(message := await socket.receive_str()) == "100":
                pass
            return message

        phone = Phone("agent", "WS", "<sip:x@y.invalid;transport=ws>")
        offers = []
        for _ in range(2):
            await socket.send_bytes(phone.invite(""))
            answer = phone.hear(await final())
            assert kind(answer) == "200"
            offers.append(answer.partition("\r\n\r\n")[2])
            sdp = await callee.answer(offers[-1])
            await socket.send_bytes(phone.request("ACK", sdp, cseq=phone.cseq))
            await callee.until(lambda: callee.state == "connected")
        first, again = map(parse_sdp, offers)
        assert again.session_id == first.session_id
        assert again.media[0].ice_ufrag == first.media[0].ice_ufrag
        said = asyncio.create_task(callee.microphone.say(tone(0.6, 24_000)))
        await (await model.line()).wait_for_audio(12_000)
        await said
        await socket.send_bytes(phone.request("BYE"))
        assert kind(await final()) == "200"
        await until(lambda: not gateway.sessions)
    await callee.close()
