"""A recorded call of any length in virtual time, by the objects that record a real one.

A phone (PCMU) talks over a network of changing moods with a scripted model: the leg's own stream,
receive window and pacer, the conversation, its tape, and the recorder with its thread. What stands
in for others: the wire, the model, and the clock. Clicks are put where it is known to the sample
when they were said and played.
"""

from __future__ import annotations

import base64
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from gateway.conversation import Conversation
from gateway.core import events as told
from gateway.core.audio_agreement import AudioAgreement
from gateway.core.description import Codec
from gateway.core.media_time import FRAME_SECONDS, SAMPLE_RATE, to_ms
from gateway.core.playout import Playout
from gateway.core.rtp import RtpPacket
from gateway.media.g711 import MU_LAW
from gateway.media.leg import Leg, LegEvent, LegState
from gateway.media.rtp_leg_base import RtpLegBase
from gateway.recording.recorder import Recorder, RecordSettings
from gateway.session_offer import OfferLeg
from gateway.session_record import SessionRecord
from gateway.taping import without_sound
from tests.gateway.media.virtual_loop import VirtualLoop
from tests.gateway.recording.moods import DELAY, Mood, networks
from tests.net import VirtualNetwork

ID = "sess_0123456789abcdef01234567"
BEFORE = 150.0
"""Seconds that the recorder runs before the call."""
CYCLE = 10
"""Seconds of a turn of each."""
TURNS = 10
"""Times in a second at which the event loop's lateness changes."""
RATE = 8_000
PACKET = RATE // 50
LOUD = 20_000
"""A click is louder than this, all speech is softer."""
PIECE = SAMPLE_RATE // 5
"""Samples in one delta of the model's."""
ANSWER_CLICK = SAMPLE_RATE
"""Samples of an answer before its click."""
QUEUED = 4 << 20
"""Bytes that the recorder's thread may lag behind a clock that runs a hundred times as fast."""

PCMU = AudioAgreement("0", Codec("PCMU", 0, RATE), 0, send=True, receive=True)


@dataclass
class Click:
    """Where a click lies: samples since the call's start, on the caller's or the agent's side."""

    caller: int
    agent: int
    caller_item: str
    agent_item: str


def _babble(seconds: float, rate: int) -> np.ndarray:
    """Something like speech, softer than a click."""
    at = np.arange(round(seconds * rate)) / rate
    voice = np.random.default_rng(9).normal(0, 2500, at.size) * np.abs(np.sin(2 * np.pi * 2 * at))
    return np.clip(voice, -LOUD / 3, LOUD / 3).astype("<i2")


def _cut(sound: np.ndarray, size: int) -> list[np.ndarray]:
    return [sound[at : at + size] for at in range(0, sound.size, size)]


class _Leg(RtpLegBase):
    """A phone's leg without its sockets."""

    def wake(self) -> None:
        if self.state is LegState.CONNECTED and self._rtp.sends:
            self._pacer.wake()

    def connect(self) -> None:
        self._use(PCMU)
        self._feed(LegEvent.OFFERED)
        self._feed(LegEvent.SECURED)

    def hold(self, held: bool) -> None:
        self._use(replace(PCMU, send=not held, receive=not held))
        if held:
            self._pacer.pause()
        self.wake()

    def take(self, data: bytes) -> None:
        self._rtp.receive(data)

    @property
    def data_open(self) -> bool:
        return False

    def send_data(self, message: str) -> None:
        """There is no data channel."""

    async def _release(self) -> None:
        """Nothing was opened."""


class LongCall:
    """One call of ``seconds``; its :attr:`clicks` are known when it is over.

    :param marks: seconds at which a cycle begins that has clicks.
    """

    def __init__(
        self, loop: VirtualLoop, settings: RecordSettings, seconds: int, marks: Sequence[int]
    ) -> None:
        self.clicks: list[Click] = []
        self.moods: list[Mood] = []
        self._loop = loop
        self._seconds = seconds
        self._marks = marks
        self._chance = random.Random(9)
        self._networks = networks()
        self._mood = Mood.CLICKS
        self._held_up: list[bytes] | None = None
        self._arrivals: set[float] = set()
        self._numbers = itertools.count(1)
        self._question = ""
        self._heard = 0
        self._click_in: int | None = None
        self._caller_click = 0
        line = np.random.default_rng(8).integers(-2, 3, PACKET, np.int16) * np.int16(8)
        silence = MU_LAW.compressed[line.view(np.uint16)].tobytes()
        babble = [
            MU_LAW.compressed[piece.view(np.uint16)].tobytes()
            for piece in _cut(_babble(2.5, RATE), PACKET)
        ]
        self._silence, self._babble = silence, babble
        self._saying: Iterator[bytes] = iter(())
        self._words = [
            base64.b64encode(piece.tobytes()).decode()
            for piece in _cut(_babble(6.0, SAMPLE_RATE), PIECE)
        ]
        click = _babble(3.0, SAMPLE_RATE)
        click[SAMPLE_RATE // 2 : 3 * SAMPLE_RATE // 2] = 0
        click[ANSWER_CLICK - 1 : ANSWER_CLICK + 2] = (12_000, 32_000, 12_000)
        self._clicking = [
            base64.b64encode(piece.tobytes()).decode() for piece in _cut(click, PIECE)
        ]
        self.recorder = Recorder(settings)
        self._playout = playout = Playout()
        self._conversation = Conversation(
            playout, self._send, self._emit, lambda: round(1000 * self._loop.time())
        )
        self._conversation.audible = True
        self._conversation.agent_name = "front"

    async def _start(self) -> None:
        self.recorder.start()

    async def _begin(self) -> None:
        self._begun, playout = self._loop.time(), self._playout
        self._record = SessionRecord(
            self.recorder, ID, {"userId": "ann"}, playout, self._conversation
        )
        self._leg = _Leg(self, playout, 7, "us", lambda data: None, lambda data: None)
        self._record.watch(cast(OfferLeg, self._leg))
        self._leg.connect()
        self._phone(0)

    # -- life

    def run(self) -> None:
        """The whole call, to its hanging up."""
        self._loop.run_until_complete(self._start())
        self._loop.advance(BEFORE)
        self._loop.run_until_complete(self._begin())
        others = self._others()
        for start in range(0, self._seconds, CYCLE):
            self._mood = Mood.CLICKS if start in self._marks else next(others)
            self.moods.append(self._mood)
            self._script(self._mood)
            for turn in range(1, TURNS * CYCLE + 1):
                until = self._begun + start + turn / TURNS
                self._loop.advance(until - self._loop.time(), self._lateness())
                while self.recorder.stats.queued_bytes > QUEUED:
                    time.sleep(0.001)
        self._loop.run_until_complete(self._end())

    def _others(self) -> Iterator[Mood]:
        """All moods without clicks, over and over, each time in another order."""
        others = [mood for mood in Mood if mood is not Mood.CLICKS]
        while True:
            self._chance.shuffle(others)
            yield from others

    def _lateness(self) -> float:
        """Of the event loop: now and then it has other things to do."""
        steady = self._mood in (Mood.CLICKS, Mood.TALK, Mood.HELD)
        return 0.0 if steady or self._chance.random() < 0.7 else self._chance.uniform(0, 0.015)

    async def _end(self) -> None:
        self.quality, self.underruns = self._leg.stats(), self._playout.stats.underruns
        self._conversation.finish(self._loop.time())
        self._record.close("hung up")
        await self._leg.close()
        await self.recorder.close()
        await self._loop.shutdown_default_executor()

    def _in(self, seconds: float, what: Any, *args: Any) -> None:
        self._loop.call_later(seconds, what, *args)

    def _script(self, mood: Mood) -> None:
        """What the people and the model do in one cycle."""
        if mood is Mood.CLICKS:
            self._click_in = self._chance.randrange(60, 100) * PACKET + self._chance.randrange(
                20, PACKET - 20
            )
            self._in(4.0 + self._chance.random(), self._answer, self._clicking, 0.02)
            return
        self._in(0.5, self._talk)
        self._in(1.0, self._listen)
        self._in(3.4, self._understand)
        pieces = len(self._words) if mood is Mood.BURSTY else self._chance.randrange(8, 20)
        slow = 0.25 if mood is Mood.LATE else 0.05
        self._in(3.9, self._answer, self._words[:pieces], slow)
        if mood is Mood.BURSTY:
            self._in(6.0, self._talk)
            self._in(6.3, self._listen)
            self._in(9.0, self._understand)
        if mood is Mood.STALLED:
            at = self._chance.uniform(0.6, 2.0)
            self._in(at, self._stall)
            self._in(at + 0.5, self._flow)
        if mood is Mood.HELD:
            self._in(8.2, self._leg.hold, True)
            self._in(8.2 + self._chance.uniform(0.4, 1.2), self._leg.hold, False)

    # -- the phone

    def _phone(self, number: int) -> None:
        """Send one packet every 20 ms, for ever."""
        payload, click = next(self._saying, self._silence), self._click_in
        if click is not None and click < PACKET:
            pulse = np.zeros(PACKET, np.int16)
            pulse[click] = 32_000
            payload = MU_LAW.compressed[pulse.view(np.uint16)].tobytes()
            arrival = (number + 1) * FRAME_SECONDS + DELAY
            before = (PACKET - click) * SAMPLE_RATE // RATE
            self._caller_click = round(arrival * SAMPLE_RATE) - before
            self._click_in = None
        elif click is not None:
            self._click_in = click - PACKET
        packet = RtpPacket(0, False, number & 0xFFFF, number * PACKET, 5, payload)
        # By its own clock, however late this loop is.
        sent_at = self._begun + (number + 1) * FRAME_SECONDS
        self._loop.call_at(sent_at, self._transmit, packet.serialize(), sent_at)
        self._loop.call_at(sent_at, self._phone, number + 1)

    def _transmit(self, data: bytes, now: float) -> None:
        if self._held_up is not None:
            self._held_up.append(data)
            return
        network = self._networks[self._mood]
        network.send(data, now)
        self._arm(network)

    def _arm(self, network: VirtualNetwork[bytes]) -> None:
        arrival = network.next_arrival
        if arrival is not None and arrival not in self._arrivals:
            self._arrivals.add(arrival)
            self._loop.call_at(arrival, self._deliver, network, arrival)

    def _deliver(self, network: VirtualNetwork[bytes], arrival: float) -> None:
        self._arrivals.remove(arrival)
        # A timer may fire a tick of the clock before its time.
        for _, data in network.deliver(self._loop.time() + 1e-9):
            self._leg.take(data)
        self._arm(network)

    def _stall(self) -> None:
        self._held_up = []

    def _flow(self) -> None:
        held_up, self._held_up = self._held_up or [], None
        for data in held_up:
            self._transmit(data, self._loop.time())

    def _talk(self) -> None:
        self._saying = iter(self._babble)

    # -- the model

    def _server(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self._conversation.handle(event, self._loop.time())
        self._leg.wake()
        if kind != "response.output_audio.delta":
            self._emit(told.UpstreamEvent(without_sound(event)))

    def _listen(self, at: int | None = None) -> None:
        self._question = f"item_{next(self._numbers)}"
        start = to_ms(self._heard if at is None else at)
        self._server(
            "input_audio_buffer.speech_started", item_id=self._question, audio_start_ms=start
        )

    def _understand(self) -> None:
        item_id = self._question
        end = to_ms(self._heard)
        self._server("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=end)
        self._server("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        item = {"id": item_id, "type": "message", "role": "user", "content": []}
        self._server("conversation.item.added", item=item, previous_item_id=None)
        self._server(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            transcript="What is it?",
        )

    def _answer(self, deltas: list[str], pace: float) -> None:
        number = next(self._numbers)
        ids = {"response_id": f"resp_{number}", "item_id": f"item_{number}"}
        item = {"id": ids["item_id"], "type": "message", "role": "assistant", "content": []}
        self._server("response.created", response={"id": ids["response_id"]})
        self._server("response.output_item.added", response_id=ids["response_id"], item=item)
        self._server("conversation.item.added", item=item, previous_item_id=None)
        self._server("response.output_audio_transcript.delta", delta="It is a word. ", **ids)
        if deltas is self._clicking:
            at = round((self._loop.time() - self._begun) * SAMPLE_RATE) + ANSWER_CLICK
            self.clicks.append(Click(self._caller_click, at, self._question, ids["item_id"]))
        self._speak(iter(deltas), pace, ids)

    def _speak(self, deltas: Iterator[str], pace: float, ids: dict[str, str]) -> None:
        for delta in deltas:
            self._server("response.output_audio.delta", delta=delta, content_index=0, **ids)
            self._in(pace, self._speak, deltas, pace, ids)
            return
        item = {"id": ids["item_id"], "type": "message", "role": "assistant", "content": []}
        self._server("response.output_audio.done", **ids)
        self._server(
            "response.output_audio_transcript.done", transcript="It is a word. " * 8, **ids
        )
        self._server("response.output_item.done", response_id=ids["response_id"], item=item)
        response = {"id": ids["response_id"], "status": "completed", "output": [item]}
        self._server("response.done", response=response)

    # -- what a session does

    def _send(self, event: dict[str, Any]) -> None:
        self._record.on_sent(event)

    def _emit(self, event: told.SessionEvent) -> None:
        self._record.on_session_event(event)

    def on_audio(self, pcm: bytes) -> None:
        sound = np.abs(np.frombuffer(pcm, "<i2").astype(int))
        before, self._heard = self._heard, self._heard + len(pcm) // 2
        self._conversation.replay.append(pcm, self._loop.time())
        if sound.size and sound.max() > LOUD:
            self._listen(before + int(sound.argmax()))
            self._in(0.5, self._understand)

    def on_played(self, item_ids: Sequence[str], drained: bool) -> None:
        self._conversation.played(item_ids, self._loop.time())

    def on_dtmf(self, key: str) -> None: ...

    def on_leg_state(self, leg: Leg, state: LegState) -> None: ...

    def on_data_open(self, label: str) -> None: ...

    def on_data(self, label: str, message: str) -> None: ...
