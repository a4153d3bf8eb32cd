"""Calls that are asked for by HTTP, and phones on real UDP that are called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.sip_settings import parse_addresses
from signaling import phone_calls
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.noted import noted
from tests.signaling.callers import until
from tests.signaling.sip.callee import Callee, reply, request
from tests.signaling.sip.phone import OFFER, header, kind

LISTEN = parse_addresses("udp:127.0.0.1:0")
NOBODY = "ws://127.0.0.1:9"
"""A model that is never reached: phones are called all the same."""


class Api:
    def __init__(self, http: aiohttp.ClientSession, gateway: Gateway) -> None:
        self._http = http
        self.gateway = gateway

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        url = f"{self.gateway.url}/api/calls{path}"
        async with self._http.request(method, url, **options) as response:
            return response.status, await response.json()

    async def call(self, to: str, **more: str) -> dict[str, Any]:
        status, shown = await self.ask("POST", "", json={"to": to, **more})
        assert status == 201, shown
        return shown

    async def state(self, call: dict[str, Any]) -> dict[str, Any]:
        status, shown = await self.ask("GET", f"/{call['id']}")
        assert status == 200
        return shown

    async def until_state(self, call: dict[str, Any], wanted: str) -> dict[str, Any]:
        """It comes with the phone's next message, and no event of HTTP tells."""
        shown = await self.state(call)
        while shown["state"] not in (wanted, "ended"):
            shown = await self.state(call)
        assert shown["state"] == wanted, shown
        return shown


@contextlib.asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Api]:
    async with (
        running_gateway(NOBODY, sip_listen=LISTEN, **settings) as gateway,
        aiohttp.ClientSession() as http,
    ):
        yield Api(http, gateway)


async def test_a_call_from_ringing_to_its_end() -> None:
    async with calling() as api, Callee.registered(api.gateway, "alice") as phone:
        call = await api.call("sip:alice@anything-here", agentSet="haiku", **{"from": "clinic"})
        assert call["id"].startswith("call_")
        assert call["to"] == "sip:alice@anything-here"
        assert call["state"] == "calling"
        invite = await phone.hear()
        assert invite.startswith(f"INVITE sip:alice@192.0.2.7:{phone.port} SIP/2.0")
        assert header(invite, "From").startswith("<sip:clinic@127.0.0.1>;tag=")
        assert "m=audio" in invite
        phone.send(reply(invite, 180, tag="a"))
        await api.until_state(call, "ringing")
        phone.send(reply(invite, 183, OFFER, tag="a"))
        phone.send(reply(invite, 200, OFFER, tag="a"))
        assert kind(await phone.hear()) == "ACK"
        await api.until_state(call, "established")
        (session,) = api.gateway.sessions._live.values()  # type: ignore[union-attr]
        assert (session.id, session.agent_set) == (call["sessionId"], "haiku")
        phone.send(request(invite, "INVITE", 1, tag="a", body=OFFER + "a=sendonly\r\n"))
        answer = await phone.hear("200")
        assert "a=recvonly" in answer
        phone.send(request(invite, "ACK", 1, tag="a"))
        phone.send(request(invite, "BYE", 2, tag="a"))
        assert kind(await phone.hear()) == "200"
        ended = await api.until_state(call, "ended")
        assert ended["reason"] == "the caller hung up"
        assert "sipCode" not in ended


@pytest.mark.parametrize("answered", [True, False])
async def test_a_call_that_is_deleted(answered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with calling() as api, Callee.registered(api.gateway, "alice") as phone:
        call = await api.call("alice")
        invite = await phone.hear()
        phone.send(reply(invite, 180, tag="a"))
        await api.until_state(call, "ringing")
        if answered:
            phone.send(reply(invite, 200, OFFER, tag="a"))
            await phone.hear("ACK")
            await api.until_state(call, "established")
        actions = noted(monkeypatch)
        for _ in range(2):
            status, shown = await api.ask("DELETE", f"/{call['id']}")
            assert (status, shown["state"]) == (200, "ended")
        assert actions == ["call.hangup"] * 2
        last = await phone.hear()
        assert kind(last) == ("BYE" if answered else "CANCEL")
        phone.send(reply(last, 200))
        if not answered:
            assert (shown["sipCode"], shown["reason"]) == (487, "cancelled")
            phone.send(reply(invite, 487, tag="a"))
            assert kind(await phone.hear()) == "ACK"
        await until(lambda: not api.gateway.sessions)


async def test_all_phones_of_a_name_ring_and_the_first_wins() -> None:
    async with (
        calling() as api,
        Callee.registered(api.gateway, "alice") as desk,
        Callee.registered(api.gateway, "alice") as pocket,
    ):
        call = await api.call("alice")
        invites = await desk.hear("INVITE"), await pocket.hear("INVITE")
        desk.send(reply(invites[0], 180, tag="d"))
        pocket.send(reply(invites[1], 180, tag="p"))
        await api.until_state(call, "ringing")
        pocket.send(reply(invites[1], 200, OFFER, tag="p"))
        await pocket.hear("ACK")
        cancel = await desk.hear("CANCEL")
        desk.send(reply(cancel, 200))
        assert "completed elsewhere" in header(cancel, "Reason")
        desk.send(reply(invites[0], 200, OFFER, tag="d"))  # It crosses.
        await desk.hear("ACK")
        desk.send(reply(await desk.hear("BYE"), 200))
        assert (await api.until_state(call, "established"))["state"] == "established"
        await api.ask("DELETE", f"/{call['id']}")
        pocket.send(reply(await pocket.hear("BYE"), 200))


async def test_what_phones_say_instead_of_answering() -> None:
    async with (
        calling() as api,
        Callee.registered(api.gateway, "alice") as desk,
        Callee.registered(api.gateway, "alice") as pocket,
    ):
        for codes, told in (((486, 480), 480), ((486, 603), 603), ((503, 488), 488)):
            call = await api.call("alice")
            for phone, code in zip((desk, pocket), codes, strict=True):
                invite = await phone.hear("INVITE")
                phone.send(reply(invite, code, tag="x", Retry_After="7"))
                await phone.hear("ACK")
            shown = await api.until_state(call, "ended")
            assert (shown["sipCode"], shown["retryAfter"]) == (told, 7)
        await until(lambda: not api.gateway.sessions)


async def test_an_answer_that_cannot_be_taken_ends_the_call() -> None:
    async with calling() as api, Callee.registered(api.gateway, "alice") as phone:
        for body in ("", "v=0", OFFER.replace("RTP/AVP", "RTP/SAVP")):
            call = await api.call("alice")
            invite = await phone.hear("INVITE")
            phone.send(reply(invite, 200, body, tag="a"))
            await phone.hear("ACK")
            phone.send(reply(await phone.hear("BYE"), 200))
            shown = await api.state(call)
            assert (shown["state"], shown["sipCode"]) == ("ended", 488)
        await until(lambda: not api.gateway.sessions)


async def test_what_makes_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_calls, "MAX_KEPT", 1)
    async with (
        calling(max_sessions=1) as api,
        Callee.registered(api.gateway, "alice") as phone,
    ):
        for body, status in (
            ({}, 400),
            ({"to": 5}, 400),
            ({"to": "a b"}, 400),
            ({"to": "x" * 300}, 413),
            ({"to": "alice", "from": "a\r\nb"}, 400),
            ({"to": "alice", "agentSet": "none-of-that-name"}, 400),
            ({"to": "bob"}, 404),
        ):
            found, shown = await api.ask("POST", "", json=body)
            assert (found, set(shown)) == (status, {"error"}), (body, shown)
        assert (await api.ask("GET", "/call_x"))[0] == 404
        assert (await api.ask("DELETE", "/call_x"))[0] == 404
        first = await api.call("alice")
        assert (await api.ask("POST", "", json={"to": "alice"}))[0] == 503
        invite = await phone.hear("INVITE")
        phone.send(reply(invite, 486, tag="a"))
        await until(lambda: not api.gateway.sessions)
        await api.call("alice")
        assert (await api.ask("GET", f"/{first['id']}"))[0] == 404, "forgotten for the next"
        phone.send(reply(await phone.hear("INVITE"), 486, tag="a"))
        await until(lambda: not api.gateway.sessions)


async def test_a_gateway_that_stops_rings_no_more() -> None:
    async with calling() as api, Callee.registered(api.gateway, "alice") as phone:
        await api.call("alice")
        invite = await phone.hear("INVITE")
        phone.send(reply(invite, 180, tag="a"))
        stopping = asyncio.create_task(api.gateway.stop())
        phone.send(reply(await phone.hear("CANCEL"), 200))
        phone.send(reply(invite, 487, tag="a"))
        await phone.hear("ACK")
        await stopping
