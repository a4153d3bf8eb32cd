"""Phones that ring until an application decides: real UDP, a real webhook, OpenAI's own client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import openai
import pytest
import structlog
from aiohttp import web
from openai.types.webhooks import RealtimeCallIncomingWebhookEvent

from gateway.core.ending import Ending
from signaling import webhook_sender
from signaling.app import Gateway
from signaling.caller import Caller
from signaling.sip import reception
from tests.gateway.test_webhook_settings import SECRET
from tests.gateways import running_gateway
from tests.signaling.callers import PATIENCE, until
from tests.signaling.sip.phone import Phone, header, kind
from tests.signaling.sip.test_door import LISTEN, NOBODY, Socket, socket
from tests.signaling.test_webhook_sender import application
from tests.stand_in import StandIn


class Desk:
    """An application: is told of calls, and has a client to decide with."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[RealtimeCallIncomingWebhookEvent] = asyncio.Queue()
        self.decide: Callable[[str], Awaitable[None]] | None = None
        """Before the webhook is answered."""
        self.client = openai.AsyncOpenAI(api_key="sk-any", max_retries=0, webhook_secret=SECRET)

    async def hook(self, request: web.Request) -> web.StreamResponse:
        event = self.client.webhooks.unwrap(await request.read(), request.headers)
        assert isinstance(event, RealtimeCallIncomingWebhookEvent)
        if self.decide is not None:
            await self.decide(event.data.call_id)
        self.calls.put_nowait(event)
        return web.Response()

    async def called(self) -> str:
        """The id of the next call."""
        async with asyncio.timeout(PATIENCE):
            return (await self.calls.get()).data.call_id


@contextlib.asynccontextmanager
async def desk_and_phone(model: str = NOBODY) -> AsyncIterator[tuple[Desk, Gateway, Socket]]:
    desk = Desk()
    async with (
        desk.client,
        application(desk.hook) as url,
        running_gateway(
            model, sip_listen=LISTEN, sip_webhook_url=url, sip_webhook_secret=SECRET
        ) as gateway,
        socket(gateway) as wire,
    ):
        desk.client.base_url = f"{gateway.url}/v1"
        yield desk, gateway, wire


def branch(phone: Phone) -> str:
    """Of its INVITE."""
    return f"z9hG4bK-{phone.from_tag}"


async def rings(wire: Socket, phone: Phone, **headers: str) -> None:
    wire.send(phone.invite(branch=branch(phone), **headers))
    assert kind(await wire.final()) == "180"


def refused(wire: Socket, phone: Phone) -> None:
    wire.send(phone.ack(branch=branch(phone)))


def ok(asked: str) -> bytes:
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    lines = [f"{name}: {header(asked, name)}" for name in names]
    return "\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode()


async def test_an_application_accepts_passes_on_and_hangs_up() -> None:
    async with StandIn() as model, desk_and_phone(model.url) as (desk, gateway, wire):
        # Nobody has that agent set: the application says who talks.
        phone = Phone("proj_123")
        await rings(wire, phone, Authorization="Digest private", X_Account="7")
        event = await asyncio.wait_for(desk.calls.get(), PATIENCE)
        shown = [(one.name, one.value) for one in event.data.sip_headers]
        assert ("X-Account", "7") in shown
        assert ("Call-ID", phone.call_id) in shown
        assert "private" not in event.model_dump_json()
        calls, call_id = desk.client.realtime.calls, event.data.call_id
        with pytest.raises(openai.ConflictError, match="not been accepted"):
            await calls.refer(call_id, target_uri="tel:+49301")
        voice = {"output": {"voice": "cedar"}}
        await calls.accept(
            call_id,
            type="realtime",
            instructions="Be a pirate.",
            audio=voice,  # type: ignore[arg-type]
        )
        phone.hear(answer := await wire.final())
        assert kind(answer) == "200"
        wire.send(phone.ack())
        session = (await (await model.line()).wait_for("session.update"))["session"]
        assert session["instructions"].startswith("Be a pirate.")
        assert session["audio"]["output"]["voice"] == "cedar"
        with pytest.raises(openai.ConflictError):
            await calls.reject(call_id)

        referring = asyncio.create_task(calls.refer(call_id, target_uri="tel:+49301"))
        refer = await wire.final()
        assert kind(refer) == "REFER"
        assert header(refer, "Refer-To").startswith("<sip:+49301@")
        wire.send(ok(refer).replace(b"200 OK", b"603 Decline"))
        with pytest.raises(openai.ConflictError):
            await referring

        hanging_up = asyncio.create_task(calls.hangup(call_id))
        bye = await wire.final()
        assert kind(bye) == "BYE"
        wire.send(ok(bye))
        await hanging_up
        await until(lambda: not gateway.live)


async def test_an_application_accepts_before_it_answers_the_webhook() -> None:
    async with desk_and_phone() as (desk, gateway, wire):

        async def accept(call_id: str) -> None:
            await desk.client.realtime.calls.accept(call_id, type="realtime")

        desk.decide, phone = accept, Phone()
        await rings(wire, phone)
        phone.hear(answer := await wire.final())
        assert kind(answer) == "200"
        wire.send(phone.ack())
        await desk.called()
        await wire.leave(phone)
        await until(lambda: not gateway.sessions)
        assert not gateway.live


async def test_a_call_that_rings_is_refused() -> None:
    async with desk_and_phone() as (desk, gateway, wire):
        calls = desk.client.realtime.calls
        for code in (486, None):
            phone = Phone()
            await rings(wire, phone)
            call_id = await desk.called()
            await (
                calls.hangup(call_id) if code is None else calls.reject(call_id, status_code=code)
            )
            assert kind(await wire.final()) == str(code or 603)
            refused(wire, phone)
            await until(lambda: not gateway.live)
            with pytest.raises(openai.NotFoundError):
                await calls.accept(call_id, type="realtime")
        assert not gateway.sessions


async def test_the_caller_leaves_before_anybody_decides() -> None:
    async with desk_and_phone() as (desk, gateway, wire):
        phone = Phone()
        await rings(wire, phone)
        call_id = await desk.called()
        wire.send(phone.request("CANCEL", cseq=1, branch=branch(phone)))
        assert {kind(await wire.final()), kind(await wire.final())} == {"487", "200"}
        refused(wire, phone)
        await until(lambda: not gateway.live)
        with pytest.raises(openai.NotFoundError):
            await desk.client.realtime.calls.accept(call_id, type="realtime")


async def test_nobody_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "RING_TIME", 0.1)
    async with desk_and_phone() as (_, gateway, wire):
        phone = Phone()
        await rings(wire, phone)
        assert kind(await wire.final()) == "480"
        refused(wire, phone)
        await until(lambda: not gateway.live)


async def test_an_application_that_is_down_is_told_three_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_sender, "PAUSES", (0.01, 0.02))
    settings = {"sip_webhook_url": "http://127.0.0.1:9/", "sip_webhook_secret": SECRET}
    async with (
        running_gateway(NOBODY, sip_listen=LISTEN, **settings) as gateway,
        socket(gateway) as wire,
    ):
        phone = Phone()
        with structlog.testing.capture_logs() as logs:
            await rings(wire, phone)
            assert kind(await wire.final()) == "480"
        refused(wire, phone)
        assert sum(entry["event"] == "webhook failed" for entry in logs) == 3
        assert SECRET not in repr(logs)


async def test_only_so_many_calls_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "MAX_RINGING", 1)
    async with desk_and_phone() as (_, gateway, wire):
        await rings(wire, Phone())
        wire.send(Phone().invite())
        full = await wire.final()
        assert kind(full) == "503"
        assert header(full, "Retry-After")
        stopping = asyncio.create_task(gateway.stop())
        assert kind(await wire.final()) == "480", "a gateway that stops refuses what rings"
        await stopping


async def test_without_a_webhook_a_call_has_an_id_as_well() -> None:
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        await wire.established(Phone())
        assert gateway.live is not None
        assert gateway.sessions is not None
        (call_id,) = gateway.live.ids
        session = gateway.live.find(call_id, Caller()).in_progress()
        ending = asyncio.create_task(gateway.sessions.end(session, Ending.CONTROLLED))
        bye = await wire.final()
        assert kind(bye) == "BYE"
        wire.send(ok(bye))
        await ending
        await until(lambda: not gateway.live)
