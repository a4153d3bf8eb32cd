"""How well speech is understood after a bad network and a gateway: callers say recordings whose
words are known, and what the gateway appends to the model's buffer is given to a recogniser."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCCertificate

from client.python.bench.agent import Voice
from client.python.bench.call import BenchCall
from client.python.bench.doors import Doors
from client.python.bench.figures import mean
from client.python.bench.model import MockModel
from client.python.bench.path import LossyPath
from client.python.bench.profile import Profile
from client.python.bench.report import layout
from client.python.bench.sender import later, pace
from client.python.bench.track import PACKET_SAMPLES, Track, encoded
from client.python.bench.uplink import UplinkMeter
from client.python.bench.word_errors import word_errors, words_of
from client.python.levels import Samples

Recognise = Callable[[Samples], str]
"""PCM16 mono at `RATE` to its words, numbers spelled."""

_PAUSE_PACKETS = 50
"""After each clip: also what comes late belongs to it."""
_LINE_NOISE = 3.0
"""RMS of the pauses. Digital silence would be coded in a byte."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording at `RATE`, and what is said in it."""

    text: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Understood:
    """`errors`: substituted, missing and added words, of `words` said in `clips`. `delivered`: the
    time line appended over the one spoken."""

    network: str
    clips: int
    words: int
    errors: int
    delivered: float

    @property
    def error_percent(self) -> float:
        """Word error rate."""
        return round(100 * self.errors / self.words, 1)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "error_percent": self.error_percent}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the model was sent while each clip was said, and the `share` of the time line."""

    samples: Sequence[Samples]
    share: float


class _Appended(UplinkMeter):
    """Keeps what was appended, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[tuple[float, Samples]] = []

    def appended(self, pcm: bytes, at: float) -> None:
        self.samples += len(pcm) // 2
        self.pieces.append((at, np.frombuffer(pcm, dtype="<i2").astype(np.int16)))

    def between(self, start: float, end: float) -> Samples:
        parts = [samples for at, samples in self.pieces if start <= at < end]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)


async def deliver(
    clips: Sequence[Clip],
    profile: Profile,
    doors: Doors,
    model: MockModel,
    at_once: int,
    seed: int,
) -> Delivered:
    """Say every clip in one of `at_once` calls, each behind a network of its own. Raises
    `BenchError`."""
    certificate = RTCCertificate.generateCertificate()
    calls = [
        BenchCall(number, doors, model, certificate, Voice())
        for number in range(1, min(at_once, len(clips)) + 1)
    ]
    heard: dict[int, Samples] = {}
    shares: list[float] = []

    async def say(call: BenchCall, payloads: Sequence[tuple[bytes, ...]]) -> None:
        appended = call.uplink = _Appended()
        mine = range(call.number - 1, len(clips), len(calls))
        track = Track(tuple(itertools.chain.from_iterable(payloads[index] for index in mine)), {})
        tick = call.prepare(track, LossyPath(profile, seed + call.number), later)
        for index in mine:
            start = time.monotonic()
            await pace(tick, len(payloads[index]))
            heard[index] = appended.between(start, time.monotonic())
        shares.append(appended.samples / (len(track.payloads) * PACKET_SAMPLES))

    async with aiohttp.ClientSession() as http:
        try:
            for call in calls:
                await call.set_up(http)
            expected_loss = profile.loss_percent if calls[0].wants_fec else 0
            # In a thread, for it takes seconds: a caller that is silent for so long is given up.
            payloads = await asyncio.to_thread(_encoded, clips, expected_loss)
            await asyncio.gather(*(say(call, payloads) for call in calls))
        finally:
            await asyncio.gather(*(call.hang_up() for call in calls))
    return Delivered([heard[index] for index in range(len(clips))], mean(shares) or 0.0)


def understand(
    network: str, clips: Sequence[Clip], delivered: Delivered, recognise: Recognise
) -> Understood:
    """Count the words that the recogniser gets wrong."""
    words = errors = 0
    for clip, samples in zip(clips, delivered.samples, strict=True):
        said = words_of(clip.text)
        words += len(said)
        errors += word_errors(said, words_of(recognise(samples)))
    return Understood(network, len(clips), words, errors, round(delivered.share, 4))


def as_recorded(clips: Sequence[Clip]) -> Delivered:
    """No call at all: what the recogniser makes of the recordings themselves."""
    return Delivered([clip.samples for clip in clips], 1.0)


def table(rows: Sequence[Understood], rest: Understood) -> str:
    """A line for each network; errors in percent of the words, and in points above `rest`."""
    names = ["network", *(row.network for row in rows)]
    cells = [["clips", "words", "errors", "WER, %", "points over rest", "delivered, %"]]
    for row in rows:
        over = row.error_percent - rest.error_percent
        counts = (str(row.clips), str(row.words), str(row.errors))
        cells.append(
            [*counts, f"{row.error_percent:.1f}", f"{over:+.1f}", f"{100 * row.delivered:.2f}"]
        )
    return layout(names, cells)


def _encoded(clips: Sequence[Clip], expected_loss: int) -> list[tuple[bytes, ...]]:
    """Each clip and the pause after it, in packets."""
    return [encoded(_with_pause(clip.samples), expected_loss) for clip in clips]


def _with_pause(samples: Samples) -> Samples:
    packets = -(-len(samples) // PACKET_SAMPLES) + _PAUSE_PACKETS
    noise = np.random.default_rng(0).normal(0.0, _LINE_NOISE, packets * PACKET_SAMPLES)
    audio: Samples = noise.astype(np.int16)
    audio[: len(samples)] = samples
    return audio
