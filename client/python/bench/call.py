"""One call, both of its ends: a caller on loopback, and the model that the gateway turns to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiortc import RTCCertificate

from client.python.bench.agent import Agent, Voice
from client.python.bench.doors import Door, Doors
from client.python.bench.errors import BenchError
from client.python.bench.model import MockModel, ModelLine
from client.python.bench.offer import RemoteMedia, parse_answer
from client.python.bench.opus import OpusDecoder
from client.python.bench.path import LossyPath
from client.python.bench.reception import RATE, Heard, Reception
from client.python.bench.rtp import RtpSender
from client.python.bench.sender import Later, VoiceSender
from client.python.bench.track import Track
from client.python.bench.transport import MediaTransport
from client.python.bench.uplink import UplinkMeter

MODEL_SECONDS = 20.0
LEAVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Truncation:
    """The gateway told the model that the caller heard `audio_end_ms` of an item; 0: nothing."""

    item_id: str
    audio_end_ms: float


class BenchCall:
    """Call number `number`. `set_up`, then `start_sending` and `tick`; `hang_up` at the end."""

    def __init__(
        self, number: int, doors: Doors, model: MockModel, certificate: RTCCertificate, voice: Voice
    ) -> None:
        self.number = number
        self.uplink = UplinkMeter()
        self.downlink: list[tuple[float, float]] = []
        """(first delta sent at, its packet received after) of each answer, in seconds."""
        self.answers: list[Heard] = []
        self.agent = Agent(number, voice, self._on_speaking)
        self.setup_seconds = 0.0
        self.sender: VoiceSender | None = None
        self.truncation: Truncation | None = None
        """The latest one."""
        self._doors = doors
        self._model = model
        self._decoder = OpusDecoder(RATE)
        self.reception = Reception(self._decoder.decode, self._on_answer)
        self.transport = MediaTransport(certificate, self.reception.receive)
        self._door: Door | None = None
        self._remote = RemoteMedia()
        self._rtp = RtpSender(
            ssrc=secrets.randbits(31) + 1,
            payload_type=0,
            sequence=secrets.randbits(15),
            timestamp=secrets.randbits(32),
        )
        self._line_open = asyncio.Event()
        self._line_closed = asyncio.Event()
        self._speaking: dict[int, float] = {}
        self._hung_up = False
        self.broken = False
        """The model's connection or the media path ended before the call did."""

    @property
    def unheard_answers(self) -> list[float]:
        """When the first deltas were sent of which nothing was heard (yet)."""
        return list(self._speaking.values())

    @property
    def wants_fec(self) -> bool:
        return self._remote.wants_fec

    @property
    def is_up(self) -> bool:
        return self.transport.is_up and self.agent.line is not None and not self.broken

    async def set_up(self, http: aiohttp.ClientSession, alter: Callable[[str], str] = str) -> None:
        """Until media can be sent and the gateway has connected to the model. `alter` makes
        another SDP of the offer's.

        Raises `BenchError`.
        """
        self._model.expect(self.number, self)
        local = await self.transport.gather(self._rtp.ssrc)
        self._door = self._doors.open(self.number, http)
        started = time.monotonic()
        answer = await self._door.answer(alter(local.offer()))
        self._remote = parse_answer(answer)
        await self.transport.connect(self._remote)
        self.setup_seconds = time.monotonic() - started
        self._rtp.payload_type = self._remote.payload_type
        self._rtp.level_id = self._remote.level_id
        await self.reach_model()

    async def reach_model(self) -> None:
        """Until the gateway has connected to the model. Raises `BenchError`."""
        try:
            async with asyncio.timeout(MODEL_SECONDS):
                await self._line_open.wait()
        except TimeoutError:
            raise BenchError(
                f"call {self.number}: the gateway did not connect to {self._model.url}; "
                "is it started with REALTIME_URL=ws://127.0.0.1:PORT/v1/realtime and --model-port?"
            ) from None

    def prepare(
        self, track: Track, network: LossyPath, later: Later, start_at: int = 0
    ) -> Callable[[], None]:
        """What is to be said from packet `start_at` on, and through which network. Returns what to
        call every 20 ms."""
        self.sender = VoiceSender(
            self.transport, self._rtp, track, network, self.uplink, later, start_at
        )
        return self.sender.tick

    def forget_answer(self) -> None:
        """What is heard and told from now on is of the next answer."""
        self.reception.answer = self.truncation = None

    def send_report(self) -> None:
        """RTCP, once a second."""
        reception = self.reception
        self.transport.send_rtcp(self._rtp.report(reception.ssrc, reception.highest_sequence))

    async def hang_up(self, *, silently: bool = False) -> None:
        """Nothing of the call is left here, also of one that was never up. `silently`: the gateway
        is told nothing, as by a caller whose network has gone."""
        self._hung_up = True
        self.agent.stop()
        self._model.forget(self.number)
        try:
            if self._door is not None:
                await (self._door.drop() if silently else self._door.close())
        finally:
            await self.transport.close(silently=silently)
            if not silently:
                await self._end_line()
            self._decoder.close()

    async def _end_line(self) -> None:
        """The gateway leaves its model when the caller has hung up; one that does not is left."""
        line = self.agent.line
        if line is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._line_closed.wait()
            line.close()

    # -- the model's side

    def on_model_open(self, line: ModelLine) -> None:
        self.agent.line = line
        self._line_open.set()

    def on_model_closed(self, line: ModelLine) -> None:
        if self.agent.line is line:
            self.agent.line = None
            self._line_closed.set()
            self.broken = self.broken or not self._hung_up

    def on_append(self, pcm: bytes, at: float) -> None:
        self.uplink.appended(pcm, at)

    def on_client_event(self, event: dict[str, Any], at: float) -> None:
        if event["type"] == "conversation.item.truncate":
            self.truncation = Truncation(event["item_id"], event["audio_end_ms"])
        elif event["type"] == "conversation.item.delete":
            self.truncation = Truncation(event["item_id"], 0)

    # -- the caller's side

    def _on_speaking(self, tone: int, at: float) -> None:
        self._speaking[tone] = at

    def _on_answer(self, heard: Heard) -> None:
        self.answers.append(heard)
        sent_at = self._speaking.pop(heard.tone, None)
        if sent_at is not None:
            self.downlink.append((sent_at, heard.started_at - sent_at))
