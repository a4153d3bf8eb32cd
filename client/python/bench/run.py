"""One profile, from the first call's set-up to the last one's end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import aiohttp
from aiortc import RTCCertificate

from client.python.bench import process
from client.python.bench.agent import Voice
from client.python.bench.barge_in import Trial, try_barge_ins
from client.python.bench.call import BenchCall
from client.python.bench.doors import Doors
from client.python.bench.figures import Figures
from client.python.bench.model import MockModel
from client.python.bench.path import LossyPath
from client.python.bench.profile import Profile
from client.python.bench.speech import synthesise
from client.python.bench.subject import Subject
from client.python.bench.tally import Notes, read, tally
from client.python.bench.track import (
    PACKET_SECONDS,
    PROBE_EVERY,
    RATE,
    STAIR_LEAD,
    STAIR_PACKETS,
    speech_track,
)
from client.python.bench.wheel import PacketWheel
from client.python.levels import Samples

SPEECH_SECONDS = 16.0
STAIRCASE_SECONDS = (PROBE_EVERY + STAIR_LEAD + STAIR_PACKETS) * PACKET_SECONDS + 1.0
"""What a window must hold more than for the profile `one-lost`."""

_FIRST_CALL_SECONDS = 1.0
_SETTLE_SECONDS = 0.5
_STRIDE = 37
"""Packets between the places where two callers begin; no cycle of probes divides it, so that the
probes of all spread over the second."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the gateway: calls at once, seconds measured and before, cuts of each call
    after that. `speech`: PCM16 at 24 kHz; what the callers say."""

    calls: int = 20
    seconds: float = 20.0
    warm_up: float = 4.0
    barge_ins: int = 5
    voice: Voice = field(default_factory=Voice)
    speech: Samples = field(default_factory=lambda: synthesise(SPEECH_SECONDS, RATE))
    seed: int = 1


class ProfileRun:
    """Measures one profile against a gateway that already answers."""

    def __init__(
        self, profile: Profile, load: Load, doors: Doors, subject: Subject, model: MockModel
    ) -> None:
        self._profile = profile
        self._load = load
        self._doors = doors
        self._subject = subject
        self._model = model
        self._certificate = RTCCertificate.generateCertificate()
        self._calls: list[BenchCall] = []

    async def measure(self) -> Figures:
        """Raises `BenchError` if a call cannot be set up."""
        async with aiohttp.ClientSession() as http:
            await self._one_call_before(http)
            idle = self._usage()
            try:
                setup_cpu = await self._set_up(http)
                with _without_collector():
                    notes = await self._talk(idle, setup_cpu)
                return tally(self._profile.name, self._calls, self._load.voice.answer, notes)
            finally:
                await self._hang_up()

    async def _one_call_before(self, http: aiohttp.ClientSession) -> None:
        """A call that does not count, so that what a process loads but once is no call's cost."""
        self._calls = [self._new_call(0)]
        try:
            await self._calls[0].set_up(http)
            async with self._talking():
                await asyncio.sleep(_FIRST_CALL_SECONDS)
        finally:
            await self._hang_up()
        await asyncio.sleep(_SETTLE_SECONDS)

    async def _set_up(self, http: aiohttp.ClientSession) -> float | None:
        """All calls, one after another and silent. Returns CPU seconds of each."""
        before = self._usage()
        for number in range(1, self._load.calls + 1):
            call = self._new_call(number)
            self._calls.append(call)
            await call.set_up(http)
        after = self._usage()
        return (after.cpu - before.cpu) / self._load.calls if before and after else None

    async def _talk(self, idle: process.Usage | None, setup_cpu: float | None) -> Notes:
        """Warm up, the window, and the barge-ins after it."""
        async with self._talking() as wheel:
            await asyncio.sleep(self._load.warm_up)
            begin = read(self._calls, self._usage())
            wheel.lags.clear()
            if self._profile.one_lost:
                self._play_staircases()
            await asyncio.sleep(self._load.seconds)
            end = read(self._calls, self._usage())
            lags = list(wheel.lags)
            trials = await self._barge_in()
            lost = sum(not call.is_up for call in self._calls)
        return Notes(begin, end, idle, setup_cpu, lags, lost, trials)

    async def _barge_in(self) -> list[Trial]:
        load = self._load
        if not load.barge_ins:
            return []
        for call in self._calls:
            call.agent.finish()
        await asyncio.sleep(load.voice.answer + load.voice.pause)
        tried = await asyncio.gather(
            *(
                try_barge_ins(call, load.voice, load.barge_ins, load.seed + call.number)
                for call in self._calls
            )
        )
        return [trial for trials in tried for trial in trials]

    async def _hang_up(self) -> None:
        calls, self._calls = self._calls, []
        await asyncio.gather(*(call.hang_up() for call in calls))

    def _usage(self) -> process.Usage | None:
        return process.usage(self._subject.pid) if self._subject.pid is not None else None

    def _new_call(self, number: int) -> BenchCall:
        return BenchCall(number, self._doors, self._model, self._certificate, self._load.voice)

    def _play_staircases(self) -> None:
        for call in self._calls:
            assert call.sender is not None
            call.sender.play_staircase()

    @contextlib.asynccontextmanager
    async def _talking(self) -> AsyncIterator[PacketWheel]:
        """All callers send, all agents speak, each from a moment of its own on."""
        load, calls = self._load, self._calls
        # In-band FEC is for a receiver that asked for it (RFC 7587 §6.1).
        expected_loss = self._profile.loss_percent if calls[0].wants_fec else 0
        track = speech_track(load.speech, expected_loss)
        wheel = PacketWheel()
        wheel.ticks = [
            call.prepare(
                track,
                LossyPath(self._profile, load.seed + call.number),
                wheel.later,
                call.number * _STRIDE,
            )
            for call in calls
        ]
        wheel.start()
        moments = random.Random(load.seed)
        for call in calls:
            call.agent.speak(moments.uniform(0, load.voice.answer), again=True)
        reports = asyncio.create_task(self._report())
        try:
            yield wheel
        finally:
            reports.cancel()
            await asyncio.wait([reports])
            wheel.stop()
            for call in calls:
                call.agent.stop()

    async def _report(self) -> None:
        """RTCP of each call once a second, spread over it."""
        while True:
            for call in self._calls:
                await asyncio.sleep(1 / len(self._calls))
                call.send_report()


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """A collection in the middle of a run would be measured as the gateway's lateness."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
