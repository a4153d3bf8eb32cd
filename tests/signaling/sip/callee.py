"""A phone that is called, for tests: answers what the gateway sends, by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

from signaling.app import Gateway
from tests.signaling.callers import PATIENCE
from tests.signaling.sip.phone import Phone, header, kind

ECHOED = ("Via", "From", "To", "Call-ID", "CSeq")


def reply(asked: str, code: int, body: str = "", *, tag: str = "", **headers: str) -> bytes:
    """A response to a request of the gateway's.

    :param tag: put on To, unless it is a request within a dialog.
    """
    given = {name: header(asked, name) for name in ECHOED}
    if tag and ";tag=" not in given["To"]:
        given["To"] += f";tag={tag}"
    if code < 300 and code > 100:
        given["Contact"] = "<sip:bob@192.0.2.7:5060>"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        given["Content-Type"] = "application/sdp"
    lines = [f"SIP/2.0 {code} X", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def request(invite: str, method: str, cseq: int, *, tag: str, body: str = "") -> bytes:
    """A request of the callee's within the call that ``invite`` began."""
    lines = [
        f"{method} sip:agent@198.51.100.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-{tag}-{cseq}-{method}",
        "Max-Forwards: 70",
        f"From: {header(invite, 'To')};tag={tag}",
        f"To: {header(invite, 'From')}",
        f"Call-ID: {header(invite, 'Call-ID')}",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:bob@192.0.2.7:5060>",
    ]
    if body:
        lines.append("Content-Type: application/sdp")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


class Callee(asyncio.DatagramProtocol):
    """One phone on loopback, which registers."""

    def __init__(self) -> None:
        self._got: asyncio.Queue[str] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def registered(cls, gateway: Gateway, name: str) -> AsyncIterator[Callee]:
        assert gateway.sip is not None
        address = gateway.sip.addresses[0]
        loop = asyncio.get_running_loop()
        wire, phone = await loop.create_datagram_endpoint(
            cls, remote_addr=(address.host, address.port)
        )
        try:
            phone.send(
                Phone(name, contact=f"<sip:{name}@192.0.2.7:{phone.port}>").request("REGISTER")
            )
            assert kind(await phone.hear()) == "200"
            yield phone
        finally:
            wire.close()
            await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._got.put_nowait(data.decode())

    @property
    def port(self) -> int:
        return int(self._wire.get_extra_info("sockname")[1])

    def send(self, data: bytes) -> None:
        self._wire.sendto(data)

    async def hear(self, wanted: str = "") -> str:
        """The next message; of a kind, if one is wanted."""
        async with asyncio.timeout(PATIENCE):
            while wanted not in ("", kind(message := await self._got.get())):
                pass
        return message
