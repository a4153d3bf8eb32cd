"""What a call costs by its leg: WebRTC, or a phone's RTP in each codec, in clear or encrypted.

Legs alone in a process of their own, without a model: callers talk all the time, and so does the
agent. What is counted is the processor time of that process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiortc import RTCCertificate

from client.python.bench.offer import parse_answer
from client.python.bench.rtp import RtpSender
from client.python.bench.speech import synthesise
from client.python.bench.transport import LOOPBACK, MediaTransport
from client.python.bench.wheel import PacketWheel
from gateway.core.media_time import FRAME_SAMPLES, SAMPLE_RATE
from gateway.core.playout import Playout
from gateway.core.sdp import parse_sdp
from gateway.media.addresses import MediaAddresses
from gateway.media.codecs import CODECS
from gateway.media.leg import Leg, LegState
from gateway.media.rtp_leg import RtpConfig, RtpLeg
from gateway.media.sdes_srtp import SrtpOut, make_keys
from gateway.media.webrtc import WebRtcConfig, WebRtcLeg

SECONDS_OF_SPEECH = 5.0
FORMATS = {"pcmu": 0, "pcma": 8, "g722": 9, "opus": 96}
KINDS = ("webrtc", "pcmu", "pcma", "g722", "opus", "pcmu+sdes", "pcma+sdes", "g722+sdes")


# -- the legs' process


class Talker:
    """A session, as far as a leg knows one, whose agent never ends."""

    def __init__(self, speech: bytes) -> None:
        self._speech = speech
        self._items = 0
        self.playout = Playout()
        self.heard = 0

    def start(self, leg: Leg) -> None:
        self.leg = leg
        self._speak()

    def _speak(self) -> None:
        self._items += 1
        self.playout.push(str(self._items), self._speech)
        self.playout.finish(str(self._items))
        self.leg.wake()

    def on_audio(self, pcm: bytes) -> None:
        self.heard += len(pcm) // 2

    def on_dtmf(self, key: str) -> None:
        """Nobody presses any."""

    def on_data(self, label: str, message: str) -> None:
        """Nobody sends any."""

    def on_leg_state(self, leg: Leg, state: LegState) -> None:
        """The callers count what they hear."""

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        if drained:
            self._speak()


async def serve_legs() -> None:
    """Take commands from standard input, one JSON value a line, and answer each."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    loop = asyncio.get_running_loop()
    speech = synthesise(SECONDS_OF_SPEECH, SAMPLE_RATE).tobytes()
    webrtc = WebRtcConfig(MediaAddresses((LOOPBACK,)))
    phones = RtpConfig(MediaAddresses((LOOPBACK,)))
    talkers: list[Talker] = []
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        if command["do"] == "answer":
            talker = Talker(speech)
            leg: Any
            if command["kind"] == "webrtc":
                leg = WebRtcLeg(webrtc, talker, talker.playout)
            else:
                leg = RtpLeg(phones, talker, talker.playout, peer=LOOPBACK)
            told: dict[str, Any] = {"sdp": await leg.answer(command["sdp"])}
            talker.start(leg)
            talkers.append(talker)
        elif command["do"] == "measure":
            before, heard = time.process_time(), sum(t.heard for t in talkers)
            await asyncio.sleep(command["seconds"])
            spent = time.process_time() - before
            heard = sum(t.heard for t in talkers) - heard
            told = {"spent": spent, "heard": heard / SAMPLE_RATE}
        else:
            for talker in talkers:
                await talker.leg.close()
            told = {}
        print(json.dumps(told), flush=True)


class LegProcess:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> LegProcess:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--legs", stdin=pipe, stdout=pipe
        )
        return cls(process)

    async def ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer

    async def stop(self) -> None:
        await self.ask(do="stop")
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


# -- the callers


class Caller:
    """Sends speech, counts what comes back."""

    def __init__(self, payloads: list[bytes], payload_type: int, ticks: int) -> None:
        self._payloads = payloads
        self._position = secrets.randbelow(len(payloads))
        self._rtp = RtpSender(secrets.randbits(32), payload_type, 1, 1)
        self._ticks = ticks
        self.send: Callable[[bytes], None]
        self.close: Callable[[], Any]
        self.heard = 0

    def tick(self) -> None:
        payload = self._payloads[self._position]
        self._position = (self._position + 1) % len(self._payloads)
        packet = self._rtp.packet(payload)
        self._rtp.timestamp += self._ticks - 960
        self.send(packet)


async def call_by_webrtc(
    legs: LegProcess, payloads: list[bytes], certificate: RTCCertificate
) -> Caller:
    caller = Caller(payloads, 111, 960)

    def hear(packet: bytes, at: float) -> None:
        caller.heard += 1

    transport = MediaTransport(certificate, hear)
    local = await transport.gather(secrets.randbits(32))
    answer = await legs.ask(do="answer", kind="webrtc", sdp=local.offer())
    await transport.connect(parse_answer(answer["sdp"]))
    caller.send, caller.close = transport.send_rtp, transport.close
    return caller


async def call_by_phone(legs: LegProcess, payloads: list[bytes], kind: str) -> Caller:
    codec, _, secure = kind.partition("+")
    caller = Caller(payloads, FORMATS[codec], 160 if codec != "opus" else 960)
    key = make_keys()[0] if secure else None
    protect = SrtpOut(key).protect if key else bytes
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind((LOOPBACK, 0))
    phone.setblocking(False)
    loop = asyncio.get_running_loop()

    def hear() -> None:
        phone.recv(2048)
        caller.heard += 1

    loop.add_reader(phone, hear)
    offer = [
        *("v=0", f"o=- 1 1 IN IP4 {LOOPBACK}", "s=-", f"c=IN IP4 {LOOPBACK}", "t=0 0"),
        f"m=audio {phone.getsockname()[1]} {'RTP/SAVP' if key else 'RTP/AVP'} {FORMATS[codec]}",
        *(["a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1"] if codec == "opus" else []),
        *([f"a=crypto:{key.format()}"] if key else []),
        "",
    ]
    answer = await legs.ask(do="answer", kind="rtp", sdp="\r\n".join(offer))
    target = (LOOPBACK, parse_sdp(answer["sdp"]).media[0].port)

    async def close() -> None:
        loop.remove_reader(phone)
        phone.close()

    caller.send, caller.close = lambda packet: phone.sendto(protect(packet), target), close
    return caller


async def measure(kind: str, calls: int, seconds: float) -> dict[str, Any]:
    """CPU-milliseconds per call and second, and whether all was heard on both sides."""
    codec = "opus" if kind == "webrtc" else kind.partition("+")[0]
    speech = synthesise(SECONDS_OF_SPEECH, SAMPLE_RATE).tobytes()
    encoder, size = CODECS[codec].encoder(), 2 * FRAME_SAMPLES
    payloads = [encoder.encode(speech[n : n + size]) for n in range(0, len(speech), size)]
    certificate = RTCCertificate.generateCertificate()
    legs = await LegProcess.start()
    wheel = PacketWheel()
    callers: list[Caller] = []
    try:
        while len(callers) < calls:
            if kind == "webrtc":
                callers.append(await call_by_webrtc(legs, payloads, certificate))
            else:
                callers.append(await call_by_phone(legs, payloads, kind))
        wheel.ticks = [caller.tick for caller in callers]
        wheel.start()
        await asyncio.sleep(2.0)
        before = sum(caller.heard for caller in callers)
        told = await legs.ask(do="measure", seconds=seconds)
        heard = (sum(caller.heard for caller in callers) - before) / 50
    finally:
        wheel.stop()
        for caller in callers:
            await caller.close()
        await legs.stop()
    return {
        "leg": kind,
        "cpu_ms": round(1000 * told["spent"] / (calls * seconds), 2),
        "heard_by_legs": round(told["heard"] / (calls * seconds), 3),
        "heard_by_callers": round(heard / (calls * seconds), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench-legs", description=__doc__)
    parser.add_argument("kinds", nargs="*", default=KINDS, help=f"of {', '.join(KINDS)}")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--legs", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.legs:
        asyncio.run(serve_legs())
        return 0
    for kind in options.kinds:
        print(json.dumps(asyncio.run(measure(kind, options.calls, options.seconds))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
