"""Two RTP streams joined by a virtual network, in virtual time."""

from __future__ import annotations

import itertools

import numpy as np

from gateway.core.description import Codec
from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.negotiation import AudioAgreement
from gateway.core.rtp import RtpPacket
from gateway.media.stream import RtpStream
from tests.gateway.media.virtual_loop import VirtualLoop
from tests.net import VirtualNetwork

OPUS = Codec("opus", 111, 48_000, 2)
BOTH_WAYS = AudioAgreement(mid="0", codec=OPUS, payload_type=111, send=True, receive=True)
FRAME_BYTES = 2 * FRAME_SAMPLES

_SSRCS = itertools.count(0xFFFF_0000)


def speech(frames: int) -> list[bytes]:
    """A gliding tone that swells and fades, in 20 ms frames: no two stretches are alike."""
    time = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(300 + 200 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE
    loudness = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 1.3 * time))
    pcm = (9_000 * loudness * np.sin(phase)).astype("<i2").tobytes()
    return [pcm[n : n + FRAME_BYTES] for n in range(0, len(pcm), FRAME_BYTES)]


class End:
    """A stream, and what came out of it on both sides."""

    def __init__(self, loop: VirtualLoop, network: VirtualNetwork[tuple[str, bytes]]) -> None:
        self.loop = loop
        self.network = network
        self.other: End | None = None
        self.heard = bytearray()
        self.keys: list[str] = []
        self.rtp: list[RtpPacket] = []
        self.rtcp: list[bytes] = []

        async def make() -> RtpStream:
            return RtpStream(
                next(_SSRCS),
                "cname",
                self._send_rtp,
                self._send_rtcp,
                self.heard.extend,
                self.keys.append,
            )

        self.stream = loop.run_until_complete(make())
        self.stream.agree(BOTH_WAYS)

    def _send_rtp(self, data: bytes) -> None:
        self.rtp.append(RtpPacket.parse(data))
        self._send("rtp", data)

    def _send_rtcp(self, data: bytes) -> None:
        self.rtcp.append(data)
        self._send("rtcp", data)

    def _send(self, kind: str, data: bytes) -> None:
        if self.other is None:
            return
        self.network.send((kind, data), self.loop.time())
        arrival = self.network.next_arrival
        if arrival is not None:
            self.loop.call_at(arrival, self._deliver)

    def _deliver(self) -> None:
        assert self.other is not None
        # A timer may fire a tick of the clock before its time.
        for _, (kind, data) in self.network.deliver(self.loop.time() + 1e-9):
            stream = self.other.stream
            (stream.receive if kind == "rtp" else stream.receive_rtcp)(data)
        if self.network.next_arrival is not None:
            self.loop.call_at(self.network.next_arrival, self._deliver)

    def say(self, frames: list[bytes]) -> None:
        """Send frames in real time."""
        for number, frame in enumerate(frames):
            self.stream.send(frame, 0, number == 0)
            self.loop.advance(FRAME_SECONDS)

    def samples(self) -> np.ndarray:
        return np.frombuffer(bytes(self.heard), dtype="<i2").astype(float)


def joined(
    loop: VirtualLoop,
    there: VirtualNetwork[tuple[str, bytes]] | None = None,
    back: VirtualNetwork[tuple[str, bytes]] | None = None,
) -> tuple[End, End]:
    a, b = End(loop, there or VirtualNetwork(1)), End(loop, back or VirtualNetwork(2))
    a.other, b.other = b, a
    return a, b


def alone(loop: VirtualLoop) -> End:
    return End(loop, VirtualNetwork(1))


def packets(loop: VirtualLoop, frames: list[bytes]) -> list[RtpPacket]:
    """What a stream sends for these frames."""
    sender = alone(loop)
    for number, frame in enumerate(frames):
        sender.stream.send(frame, 0, number == 0)
    sender.stream.close()
    return sender.rtp


# -- up
