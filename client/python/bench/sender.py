"""A caller's voice going out: the next packet of its track, through its network, onto its path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from client.python.bench.path import LossyPath
from client.python.bench.rtp import RtpSender
from client.python.bench.staircase import StaircaseReader
from client.python.bench.track import (
    PACKET_SECONDS,
    PROBE_EVERY,
    RATE,
    STAIR_LEAD,
    STAIR_LOST,
    Track,
    staircase_track,
)
from client.python.bench.uplink import UplinkMeter

Later = Callable[[float, Callable[[], None]], None]
"""`later(when, send)`: call `send` at `when`, seconds of the monotonic clock."""


async def pace(tick: Callable[[], None], packets: int) -> None:
    """Call `tick` so many times, each 20 ms, for a caller of its own; of many a `PacketWheel` costs
    less."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for number in range(1, packets + 1):
        tick()
        await asyncio.sleep(start + number * PACKET_SECONDS - loop.time())


def later(when: float, send: Callable[[], None]) -> None:
    """A `Later` of the event loop's own."""
    asyncio.get_running_loop().call_at(when, send)


class RtpPath(Protocol):
    def send_rtp(self, packet: bytes) -> None: ...


class VoiceSender:
    """Sends one packet each `tick`. `start_at`: the track's packet to begin with, so that callers
    do not speak in chorus."""

    def __init__(
        self,
        transport: RtpPath,
        rtp: RtpSender,
        track: Track,
        network: LossyPath,
        meter: UplinkMeter,
        later: Later,
        start_at: int = 0,
    ) -> None:
        self.ticks = 0
        """Packets of the time line so far, those that the network took included."""
        self.lost = 0
        self.stairs_sent: dict[int, float] = {}
        """When each packet of the staircase was sent."""
        self._transport = transport
        self._rtp = rtp
        self._track = track
        self._network = network
        self._meter = meter
        self._later = later
        self._position = start_at % len(track.payloads)
        self._stairs = -1
        self._stairs_wanted = False

    def play_staircase(self) -> None:
        """Send the staircase once, within a second; one packet of it is lost."""
        self._stairs_wanted = True

    def tick(self) -> None:
        """It is time for the next packet."""
        now = time.monotonic()
        self.ticks += 1
        if self._stairs_wanted and self._position % PROBE_EVERY == PROBE_EVERY // 2:
            # Half-way between two probes, so that it breaks none of them.
            self._stairs, self._stairs_wanted = 0, False
        if self._stairs >= 0:
            self._send_stair(now)
        else:
            self._send_speech(now)

    def _send_speech(self, now: float) -> None:
        position = self._position
        self._position = (position + 1) % len(self._track.payloads)
        arrival = self._network.arrival(now)
        tone = self._track.probes.get(position)
        if tone is not None:
            self._meter.probe_sent(tone, now, lost=arrival is None)
        if arrival is None:
            self._lose()
            return
        packet = self._rtp.packet(self._track.payloads[position])
        if arrival <= now:
            self._transport.send_rtp(packet)
        else:
            self._later(arrival, lambda: self._transport.send_rtp(packet))

    def _send_stair(self, now: float) -> None:
        track = staircase_track()
        number = self._stairs - STAIR_LEAD
        payload = track.payloads[self._stairs]
        self._stairs += 1
        if self._stairs == len(track.payloads):
            self._stairs = -1
        if number == STAIR_LOST:
            self.stairs_sent[number] = now
            self._lose()
            return
        if number == 0:
            self._meter.staircase = StaircaseReader(RATE)
        if number >= 0:
            self.stairs_sent[number] = now
        self._transport.send_rtp(self._rtp.packet(payload))

    def _lose(self) -> None:
        self.lost += 1
        self._rtp.advance()
