"""Short calls, some at once, of which half end badly: what a gateway has to get rid of."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import aiohttp
from aiortc import RTCCertificate

from client.python.bench.agent import Voice
from client.python.bench.call import BenchCall
from client.python.bench.doors import Doors
from client.python.bench.errors import BenchError, Refused
from client.python.bench.model import MockModel
from client.python.bench.path import LossyPath
from client.python.bench.profile import parse_profile
from client.python.bench.sender import later, pace
from client.python.bench.speech import synthesise
from client.python.bench.track import PACKET_SECONDS, RATE, speech_track

NETWORK = parse_profile("loss=3,burst=2")
"""All callers'."""

_VOICE = Voice(answer=0.8, pause=0.2)
_SPEECH_SECONDS = 8.0
_TALK_SECONDS = (0.5, 1.5)
_MOST_HANDSHAKE_SECONDS = 0.03
"""A call is up after about as long."""

_BAD_OFFERS: tuple[Callable[[str], str], ...] = (
    lambda sdp: "",
    lambda sdp: "v=0\r\n",
    lambda sdp: sdp[: len(sdp) // 3],
    lambda sdp: sdp.replace("opus/48000/2", "mystery/48000/2"),
    lambda sdp: sdp.replace("a=fingerprint", "a=fingerprinted"),
    lambda sdp: sdp.replace("a=ice-ufrag", "a=ice-nobody"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way for a call to go. `doors`: a model's connection that comes late can be told whose
    it is by HTTP only, where the offer names its call."""

    name: str
    go: Callable[[Churn, BenchCall], Awaitable[None]]
    doors: tuple[str, ...] = ("http", "socketio")


class Churn:
    """Places calls at the gateway at `url`."""

    def __init__(
        self, url: str, model: MockModel, http: aiohttp.ClientSession, seed: int = 1
    ) -> None:
        self.placed: Counter[str] = Counter()
        """How many calls went which way."""
        self.failures: list[str] = []
        """A line for each call that did not go the way it was meant to."""
        self._url = url
        self._model = model
        self._http = http
        self._seed = seed
        self._random = random.Random(seed)
        self._certificate = RTCCertificate.generateCertificate()
        self._track = speech_track(synthesise(_SPEECH_SECONDS, RATE), NETWORK.loss_percent)
        self._numbers = itertools.count(1)
        # One at a time: the model's connection of a Socket.IO call is that of the latest call.
        self._setting_up = asyncio.Lock()

    async def place(self, count: int, at_once: int) -> None:
        """`count` further calls, `at_once` of them at any time."""
        numbers = itertools.islice(self._numbers, count)
        async with asyncio.TaskGroup() as callers:
            for _ in range(at_once):
                callers.create_task(self._call_after_call(numbers))

    async def _call_after_call(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            way = WAYS[number % len(WAYS)]
            kind = way.doors[number // len(WAYS) % len(way.doors)]
            doors = Doors(self._url, kind)
            call = BenchCall(number, doors, self._model, self._certificate, _VOICE)
            self.placed[way.name] += 1
            try:
                await way.go(self, call)
            except BenchError as error:
                self.failures.append(f"call {number}, {way.name}, {kind}: {error}")

    # -- the ways

    async def _talk_and_hang_up(self, call: BenchCall) -> None:
        async with self._up(call) as talk:
            call.agent.speak()
            await talk(_VOICE.answer)
            if not call.answers or not call.uplink.samples:
                raise BenchError("caller and agent did not hear each other")

    async def _cut_an_answer(self, call: BenchCall) -> None:
        async with self._up(call) as talk:
            call.agent.speak()
            await talk(_VOICE.answer / 2)
            call.agent.speech_started()
            await talk(0.2)
            call.agent.speech_stopped()

    async def _vanish(self, call: BenchCall) -> None:
        async with self._up(call, silently=True) as talk:
            call.agent.speak(again=True)
            await talk(self._some_time())

    async def _lose_the_model(self, call: BenchCall) -> None:
        async with self._up(call) as talk:
            call.agent.speak()
            await talk(0.3)
            if call.agent.line is not None:
                call.agent.line.abort()
            await talk(self._some_time())
            if call.agent.line is None:
                raise BenchError("the gateway did not come back to its model")

    async def _leave_in_handshake(self, call: BenchCall) -> None:
        async with self._setting_up:
            set_up = asyncio.create_task(call.set_up(self._http))
            await asyncio.wait([set_up], timeout=self._random.uniform(0, _MOST_HANDSHAKE_SECONDS))
            set_up.cancel()
            await asyncio.wait([set_up])
            await call.hang_up(silently=self._random.random() < 0.5)

    async def _post_a_bad_offer(self, call: BenchCall) -> None:
        async with self._setting_up:
            try:
                await self._be_refused(call)
            finally:
                await call.hang_up()

    async def _emit_a_bad_offer(self, call: BenchCall) -> None:
        async with self._setting_up:
            try:
                await self._be_refused(call)
                # The session lives on without media.
                await call.reach_model()
            finally:
                await call.hang_up()

    # -- what they are made of

    def _some_time(self) -> float:
        return self._random.uniform(*_TALK_SECONDS)

    async def _be_refused(self, call: BenchCall) -> None:
        try:
            await call.set_up(self._http, self._random.choice(_BAD_OFFERS))
        except Refused as refusal:
            if refusal.is_its_own_fault:
                raise
        else:
            raise BenchError("a bad offer was accepted")

    @contextlib.asynccontextmanager
    async def _up(
        self, call: BenchCall, *, silently: bool = False
    ) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
        """From set-up to hang-up: gives a function by which the caller talks so many seconds."""
        try:
            async with self._setting_up:
                await call.set_up(self._http)
            network = LossyPath(NETWORK, self._seed + call.number)
            tick = call.prepare(self._track, network, later)
            yield lambda seconds: pace(tick, round(seconds / PACKET_SECONDS))
        finally:
            await call.hang_up(silently=silently)


WAYS = (
    Way("talk and hang up", Churn._talk_and_hang_up),
    Way("hang up in mid-handshake", Churn._leave_in_handshake, ("http",)),
    Way("cut an answer", Churn._cut_an_answer),
    Way("offer badly over HTTP", Churn._post_a_bad_offer, ("http",)),
    Way("vanish", Churn._vanish),
    Way("talk and hang up", Churn._talk_and_hang_up),
    Way("offer badly over Socket.IO", Churn._emit_a_bad_offer, ("socketio",)),
    Way("lose the model", Churn._lose_the_model, ("http",)),
)
"""Taken in turn."""
