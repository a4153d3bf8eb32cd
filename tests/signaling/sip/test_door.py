"""Phones and sessions, with real UDP: capacity, the gateway's end, and offers that make no call."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import structlog

from gateway.config import SettingsError
from gateway.sip_settings import parse_addresses
from signaling.app import CannotListen, Gateway
from tests.gateways import running_gateway
from tests.signaling.callers import PATIENCE, until
from tests.signaling.sip.phone import OFFER, Phone, header, kind

LISTEN = parse_addresses("udp:127.0.0.1:0")
NOBODY = "ws://127.0.0.1:9"
"""A model that is never reached: calls are answered all the same."""


class Socket(asyncio.DatagramProtocol):
    """A phone's socket."""

    def __init__(self) -> None:
        self._got: asyncio.Queue[str] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._got.put_nowait(data.decode())

    def send(self, data: bytes) -> None:
        self.wire.sendto(data)

    async def final(self) -> str:
        """The next message that is not provisional."""
        async with asyncio.timeout(PATIENCE):
            while kind(message := await self._got.get()) == "100":
                pass
        return message

    async def established(self, phone: Phone) -> None:
        self.send(phone.invite())
        answer = phone.hear(await self.final())
        assert kind(answer) == "200"
        self.send(phone.ack())

    async def leave(self, phone: Phone) -> None:
        self.send(phone.request("BYE"))
        assert kind(await self.final()) == "200"


@contextlib.asynccontextmanager
async def socket(gateway: Gateway) -> AsyncIterator[Socket]:
    assert gateway.sip is not None
    address = gateway.sip.addresses[0]
    wire, made = await asyncio.get_running_loop().create_datagram_endpoint(
        Socket, remote_addr=(address.host, address.port)
    )
    try:
        yield made
    finally:
        wire.close()


async def test_beyond_the_limit_a_phone_is_told_when_to_try_again() -> None:
    async with (
        running_gateway(NOBODY, sip_listen=LISTEN, max_sessions=1) as gateway,
        socket(gateway) as wire,
    ):
        phone = Phone()
        await wire.established(phone)
        wire.send(Phone().invite())
        refused = await wire.final()
        assert kind(refused) == "503"
        assert header(refused, "Retry-After")
        await wire.leave(phone)
        await until(lambda: not gateway.sessions)


async def test_a_gateway_that_stops_hangs_up() -> None:
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        phone = Phone()
        await wire.established(phone)
        await until(lambda: len(gateway.sessions or ()) == 1)
        stopping = asyncio.create_task(gateway.stop(0.2))
        await asyncio.sleep(0)
        wire.send(Phone().invite())
        assert kind(await wire.final()) == "503", "draining"
        bye = await wire.final()
        assert kind(bye) == "BYE"
        lines = [
            f"{name}: {header(bye, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        wire.send("\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode())
        async with asyncio.timeout(0.9):
            await stopping


@pytest.mark.parametrize(
    "offer",
    [
        "v=0",
        "\0\xff" * 100,
        "m=audio 1 RTP/AVP 0\r\n" * 500,
        OFFER.replace("PCMU", "GSM").replace("AVP 0", "AVP 3").replace(":0 ", ":3 "),
        OFFER.replace("m=audio", "m=video"),
        OFFER.replace("RTP/AVP", "RTP/SAVP"),
        OFFER.replace("40000", "99999"),
        OFFER.replace("40000", "9" * 5_000),
        OFFER + "m=audio 40000 RTP/AVP 0\r\n" * 1_000,
        OFFER + "a=fingerprint:sha-256 00\r\n",
        OFFER + "a=fingerprint:sha-256 " + ":".join(["AA"] * 32) + "\r\n",
    ],
)
async def test_an_offer_that_makes_no_call_is_refused(offer: str) -> None:
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        with structlog.testing.capture_logs() as logs:
            wire.send(Phone().invite(offer))
            refused = await wire.final()
            assert kind(refused) == "488"
            assert header(refused, "Warning").startswith('399 talkpath "')
            await until(lambda: not gateway.sessions)
        assert [entry for entry in logs if entry["log_level"] == "error"] == []
        phone = Phone()
        await wire.established(phone)
        await wire.leave(phone)


async def test_a_phone_that_takes_leave_while_it_is_answered() -> None:
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        phone = Phone()
        wire.send(phone.invite(branch="z9hG4bK-x"))
        wire.send(phone.request("CANCEL", cseq=1, branch="z9hG4bK-x"))
        codes = {kind(await wire.final()), kind(await wire.final())}
        if codes == {"200", "487"}:
            wire.send(phone.ack(branch="z9hG4bK-x"))
        await until(lambda: not gateway.sessions)
        assert codes == {"200", "487"}


async def test_what_is_wrong_with_the_settings_stops_the_start(tmp_path: Path) -> None:
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway:
        assert gateway.sip is not None
        taken = gateway.sip.addresses[0]
        with pytest.raises(CannotListen, match=f"SIP_LISTEN={taken}: address already in use"):
            async with running_gateway(NOBODY, sip_listen=(taken,)):
                pass
    tls = parse_addresses("tls:127.0.0.1:0")
    with pytest.raises(SettingsError, match="SIP_TLS_CERT is missing"):
        async with running_gateway(NOBODY, sip_listen=tls):
            pass
    with pytest.raises(SettingsError, match=r"^SIP_TLS_CERT, SIP_TLS_KEY: no such file"):
        async with running_gateway(NOBODY, sip_listen=tls, sip_tls_cert=tmp_path / "none.pem"):
            pass


async def test_a_late_offer_is_answered_in_the_ack_or_the_call_ends() -> None:
    """The phone offers nothing; an answer that is none is no call, and a good one is held."""
    async with running_gateway(NOBODY, sip_listen=LISTEN) as gateway, socket(gateway) as wire:
        for answer in ("v=0", OFFER.replace("RTP/AVP", "RTP/SAVP")):
            phone = Phone()
            wire.send(phone.invite(""))
            assert "RTP/AVP" in phone.hear(await wire.final())
            wire.send(phone.request("ACK", answer, cseq=1))
            bye = await wire.final()
            assert kind(bye) == "BYE"
            lines = [
                f"{name}: {header(bye, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")
            ]
            wire.send("\r\n".join(["SIP/2.0 200 OK", *lines, "", ""]).encode())
        phone = Phone()
        wire.send(phone.invite(""))
        phone.hear(await wire.final())
        wire.send(phone.request("ACK", OFFER, cseq=1))
        wire.send(phone.request("UPDATE", OFFER + "a=sendonly\r\n", cseq=2))
        assert "a=recvonly" in await wire.final()
        phone.cseq = 2
        wire.send(phone.invite(""))
        again = await wire.final()
        assert "m=audio" in again
        assert "a=sendrecv" in again
        wire.send(phone.request("ACK", OFFER, cseq=3))
        await wire.leave(phone)
        await until(lambda: not gateway.sessions)


async def test_a_phones_call_is_accounted_for(tmp_path: Path) -> None:
    path, phone = tmp_path / "audit.jsonl", Phone()
    async with (
        running_gateway(NOBODY, sip_listen=LISTEN, audit_log=path) as gateway,
        socket(gateway) as wire,
    ):
        await wire.established(phone)
        await wire.leave(phone)
        await until(lambda: not gateway.sessions)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    of_it = [e for e in entries if e["action"].startswith("session.")]
    assert [(e["action"], e["actor"], e["door"]) for e in of_it] == [
        ("session.opened", "127.0.0.1", "sip"),
        ("session.ended", "127.0.0.1", "sip"),
    ]
    assert of_it[1]["facts"]["reason"] == "the caller hung up"
