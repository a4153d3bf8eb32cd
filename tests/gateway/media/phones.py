"""A phone on loopback: two UDP sockets, its SDP, and the RTP stream that legs use themselves."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.core.audio_agreement import AudioAgreement
from gateway.core.description import MediaSection
from gateway.core.media_time import FRAME_SECONDS
from gateway.core.playout import Playout
from gateway.core.rtp import RtpPacket, is_rtcp
from gateway.core.sdes import SrtpKey, choose_key
from gateway.core.sdp import parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.rtp_leg import RtpConfig, RtpLeg
from gateway.media.sdes_srtp import SrtpIn, SrtpOut
from gateway.media.stream import RtpStream
from tests.gateway.media.peers import LOOPBACK, PATIENCE, Recorder
from tests.gateway.media.streams import speech

FORMATS = {
    "pcmu": "0 101",
    "pcma": "8 101",
    "g722": "9 101",
    "opus": "107 101\r\na=rtpmap:107 opus/48000/2",
}


class GatewayPhoneEnd:
    """A leg with the session and the playout above it."""

    def __init__(self, *, peer: str | None = None, trusted: bool = False) -> None:
        self.session = Recorder()
        self.playout = Playout()
        config = RtpConfig(MediaAddresses((LOOPBACK,)))
        self.leg = RtpLeg(config, self.session, self.playout, peer=peer, trusted=trusted)

    def say(self, seconds: float = 0.3, item_id: str = "item") -> None:
        assert self.playout.push(item_id, b"".join(speech(round(seconds * 50))))
        self.playout.finish(item_id)
        self.leg.wake()


class Wire(asyncio.DatagramProtocol):
    """A socket that keeps what comes, and from where."""

    def __init__(self) -> None:
        self.datagrams: list[tuple[bytes, tuple[str, int]]] = []
        self.on_datagram = lambda data: None
        self.transport: Any = None
        self._came = asyncio.Event()
        self._lost = asyncio.Event()

    @classmethod
    async def open(cls, address: str = LOOPBACK, port: int = 0) -> Wire:
        wire = cls()
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: wire, local_addr=(address, port))
        return wire

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.datagrams.append((data, addr[:2]))
        self.on_datagram(data)
        self._came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    @property
    def rtp(self) -> list[RtpPacket]:
        return [RtpPacket.parse(data) for data, _ in self.datagrams if not is_rtcp(data)]

    async def until(self, count: int) -> None:
        """Wait for so many datagrams since the start."""
        await self.until_that(lambda: len(self.datagrams) >= count)

    async def until_that(self, what: Callable[[], bool]) -> None:
        """Wait until ``what`` holds after a datagram."""
        async with asyncio.timeout(PATIENCE):
            while not what():
                self._came.clear()
                await self._came.wait()

    async def close(self) -> None:
        self.transport.close()
        await self._lost.wait()


@dataclass
class Phone:
    """:param codec: the only one it speaks; ``key`` for SDES."""

    rtp: Wire
    rtcp: Wire
    codec: str = "pcmu"
    key: SrtpKey | None = None
    version: int = 1
    heard: bytearray = field(default_factory=bytearray)
    keys: list[str] = field(default_factory=list)
    stream: RtpStream = field(init=False)
    target: tuple[str, int] | None = None

    @classmethod
    async def ring(cls, codec: str = "pcmu", key: SrtpKey | None = None) -> Phone:
        while True:
            rtp = await Wire.open()
            try:
                return cls(rtp, await Wire.open(port=rtp.port + 1), codec, key)
            except (OSError, OverflowError):
                await rtp.close()

    def offer(
        self,
        direction: str = "sendrecv",
        address: str = LOOPBACK,
        port: int | None = None,
        more: str = "",
        codec: str | None = None,
    ) -> str:
        self.version += 1
        profile = "RTP/SAVP" if self.key else "RTP/AVP"
        crypto = f"a=crypto:{self.key.format()}\r\n" if self.key else ""
        return (
            f"v=0\r\no=- 1 {self.version} IN IP4 {LOOPBACK}\r\ns=-\r\nc=IN IP4 {address}\r\n"
            f"t=0 0\r\nm=audio {self.rtp.port if port is None else port} {profile} "
            f"{FORMATS[codec or self.codec]}\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n{crypto}{more}"
        )

    def accept(self, answer: str) -> MediaSection:
        """Go by an answer, or an offer, of the leg's; returns its audio."""
        section = next(s for s in parse_sdp(answer).media if s.kind == "audio" and s.port)
        assert section.connection_address is not None
        self.target = (section.connection_address, section.port)
        codec = section.codecs[0]
        out = SrtpOut(self.key) if self.key else None
        into = SrtpIn(choose_key(section.crypto)) if self.key else None

        def send(data: bytes) -> None:
            self.rtp.transport.sendto(out.protect(data) if out else data, self.target)

        def take(data: bytes) -> None:
            if not is_rtcp(data):
                self.stream.receive(into.unprotect(data) if into else data)

        self._hush()
        self.stream = RtpStream(
            secrets.randbits(32),
            "phone",
            send,
            lambda data: None,
            self.heard.extend,
            self.keys.append,
        )
        events = [c.payload_type for c in section.codecs if c.is_named("telephone-event")]
        self.stream.agree(
            AudioAgreement(
                None, codec, codec.payload_type, True, True, telephone_event=[*events, None][0]
            )
        )
        self.rtp.on_datagram = take
        return section

    def _hush(self) -> None:
        if hasattr(self, "stream"):
            self.stream.close()

    async def say(self, seconds: float = 0.3) -> None:
        """Speak in real time."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number, frame in enumerate(speech(round(seconds * 50))):
            self.stream.send(frame, 0, number == 0)
            due += FRAME_SECONDS
            await asyncio.sleep(due - loop.time())

    async def close(self) -> None:
        self._hush()
        await self.rtp.close()
        await self.rtcp.close()
