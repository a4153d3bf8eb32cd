"""A conversation over several connections to the model: nothing that was said is lost, and nothing
is heard twice but what the replay is for. The model hears, see ``tests/listening_model.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.core.events import AudioResponse, Failed, Message, Status, StatusChanged
from gateway.core.replay import LEAD_IN, OVERLAP
from gateway.session import Session
from gateway.sessions import Sessions
from tests.gateways import Ear, begin, live_sessions
from tests.listening_model import HANG_OVER, ListeningLine, ListeningModel, frame

LIMIT = float(os.environ.get("TALKPATH_TEST_SESSION_LIMIT", "2"))
"""Seconds after which the model of these tests ends a connection."""

MOST_OVERLAP = round(2 * OVERLAP / 0.02) + round(LEAD_IN / 480) + 5
"""Frames that two connections may both hear, besides an utterance."""


class Microphone:
    """A caller whose frames of 20 ms are numbered, spoken or silent, in real time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._numbers = itertools.count()
        self._next_at = asyncio.get_running_loop().time()
        self.frames = 0
        self.said: list[str] = []
        """First and last frame of each utterance, as the model understands it."""

    async def _send(self, count: int, *, speech: bool) -> None:
        for _ in range(count):
            self._session.on_audio(frame(next(self._numbers), speech=speech))
            self.frames += 1
            self._next_at += 0.02
            await asyncio.sleep(self._next_at - asyncio.get_running_loop().time())

    async def speak(self, seconds: float) -> None:
        first = self.frames
        await self._send(round(seconds * 50), speech=True)
        self.said.append(f"{first}-{self.frames - 1}")

    async def pause(self, seconds: float) -> None:
        await self._send(round(seconds * 50), speech=False)


class Listener(Ear):
    """Keeps when each part of the agent's voice came, in seconds of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.voice: list[tuple[float, int]] = []

    def on_session_event(self, event: object) -> None:
        if isinstance(event, AudioResponse):
            self.voice.append((asyncio.get_running_loop().time(), len(event.pcm) // 2))
        else:
            super().on_session_event(event)  # type: ignore[arg-type]

    def lines(self, role: str) -> list[str]:
        return [message.content for message in self.of(Message) if message.role == role]

    @property
    def gaps(self) -> Iterator[float]:
        """Silences in seconds that the voice leaves, as it is played."""
        played_until = self.voice[0][0]
        for at, samples in self.voice:
            yield max(0.0, at - played_until)
            played_until = max(at, played_until) + samples / 24_000


@contextlib.asynccontextmanager
async def call(
    model: ListeningModel, session_limit: float = 3600.0
) -> AsyncIterator[tuple[Session, Listener, Microphone]]:
    async with live_sessions(model.url, session_limit=session_limit) as sessions:
        session, ear = sessions.open("ann"), Listener()
        session.attach(ear)
        await ear.status(Status.CONNECTED)
        yield session, ear, Microphone(session)


async def check_continuity(model: ListeningModel, frames: int, longest_utterance: int = 0) -> None:
    """Each connection heard consecutive frames, all together all of them."""
    await model.hears(frames - 1)
    heard_to = -1
    for numbers in filter(None, model.heard):
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        overlap = heard_to + 1 - numbers[0]
        assert 0 <= overlap <= MOST_OVERLAP + longest_utterance
        heard_to = numbers[-1]
    assert heard_to == frames - 1


@pytest.mark.timeout(150)
async def test_ten_moves_in_a_row_are_not_heard() -> None:
    async with (
        ListeningModel(limit=LIMIT) as model,
        call(model, LIMIT) as (session, ear, microphone),
    ):
        # Half of the time is the agent's: there is hardly a quiet moment. But he has ended, also on
        # a busy machine, when the caller speaks again: a word that is cut is no line.
        model.answer_seconds = 0.6
        while len(model.lines) < 11:
            await microphone.speak(0.3)
            await microphone.pause(1.0)
        await microphone.pause(1.0)
        assert ear.lines("user") == microphone.said
        assert len(ear.lines("assistant")) == len(microphone.said)
        roles = [message.role for message in ear.of(Message)]
        assert roles == ["user", "assistant"] * len(microphone.said)
        # Silence between answers is the caller's: 0.3 s of speech, and the end of the turn.
        turn = 1.3 - model.answer_seconds
        assert max(ear.gaps) < turn + 0.3
        spoken = sum(samples for _, samples in ear.voice)
        assert spoken == len(microphone.said) * round(model.answer_seconds * 24_000)
        assert not ear.of(Failed)
        assert [event.status for event in ear.of(StatusChanged)].count(Status.CONNECTING) <= 1
        await check_continuity(model, microphone.frames, 15 + HANG_OVER)
        assert session._model.client.dropped_samples == 0


async def test_a_caller_who_never_pauses_loses_no_word() -> None:
    async with (
        ListeningModel(limit=LIMIT) as model,
        call(model, LIMIT) as (_, ear, microphone),
    ):
        await microphone.speak(2.5 * LIMIT)
        await microphone.pause(0.5)
        await ear.wait(Message, lambda message: message.role == "user")
        assert ear.lines("user") == microphone.said
        assert len(model.lines) >= 3
        await check_continuity(model, microphone.frames, microphone.frames)


async def test_a_connection_lost_in_mid_utterance_costs_no_word() -> None:
    async with ListeningModel() as model, call(model) as (_, ear, microphone):
        await microphone.pause(1.2)
        speaking = asyncio.create_task(microphone.speak(1.5))
        await asyncio.sleep(0.7)
        (await model.line()).socket.transport.abort()
        await speaking
        await microphone.pause(0.5)
        await ear.wait(Message, lambda message: message.role == "assistant")
        assert ear.lines("user") == microphone.said
        await check_continuity(model, microphone.frames, 75)


async def test_a_turn_that_was_not_recognised_is_heard_again_and_comes_before_its_answer() -> None:
    async with ListeningModel() as model, call(model) as (_, ear, microphone):
        model.recognises = False
        await microphone.speak(0.5)
        await microphone.pause(0.4)
        answered = asyncio.create_task(microphone.pause(1.0))
        await asyncio.sleep(0.3)
        model.recognises = True
        (await model.line()).socket.transport.abort()
        await answered
        await microphone.pause(0.5)
        await ear.wait(Message, lambda message: message.role == "user")
        await ear.wait(Message, lambda message: message.role == "assistant", count=2)
        assert ear.lines("user") == microphone.said
        assert ear.of(Message)[0].role == "user"
        await check_continuity(model, microphone.frames, 25 + HANG_OVER)


async def test_an_answer_that_broke_off_is_asked_for_again() -> None:
    async with ListeningModel() as model, call(model) as (_, ear, microphone):
        model.is_silent = True
        await microphone.speak(0.4)
        await microphone.pause(0.4)
        line = await model.line()
        await line.answer("It is about", b"\1\0" * 24_000, finish=False)
        await microphone.pause(0.3)
        model.is_silent = False
        line.socket.transport.abort()
        await microphone.pause(1.5)
        await ear.wait(Message, lambda message: message.content == "Yes.")
        assert [message.content for message in ear.of(Message)] == [
            *(microphone.said[0], "It is about", "Yes."),
        ]
        told = [
            event["item"]["content"][0]["text"]
            for event in model.lines[1].received
            if event["type"] == "conversation.item.create"
        ]
        assert told == [microphone.said[0], "It is about"]
        assert sum(samples for _, samples in ear.voice) == 24_000 + 12_000, "every word was heard"
        assert max(ear.gaps) < 0.3


async def test_what_is_said_in_an_outage_is_understood_after_it() -> None:
    async with ListeningModel() as first:
        port = first.port
        sessions = live_sessions(first.url)
        live: Sessions = await sessions.__aenter__()
        session, ear = begin(live)
        await ear.status(Status.CONNECTED)
        microphone = Microphone(session)
        await microphone.pause(1.0)
    await microphone.speak(0.8)
    await microphone.pause(0.4)
    async with ListeningModel(port=port) as second:
        await microphone.pause(1.5)
        await ear.wait(Message, lambda message: message.role == "user")
        said = [message.content for message in ear.of(Message) if message.role == "user"]
        assert said == microphone.said
        (numbers,) = second.heard
        assert numbers == list(range(numbers[0], microphone.frames))
        assert numbers[0] <= 50
        assert session._model.client.dropped_samples == 0
        await sessions.__aexit__(None, None, None)


async def test_a_typed_line_and_a_changed_setting_outlive_a_move() -> None:
    async with ListeningModel(limit=LIMIT) as model, call(model, LIMIT) as (session, ear, _):
        session.say("My name is Ann.")
        await ear.wait(Message, lambda message: message.role == "assistant")
        session.update(instructions="Be brief.")
        fresh = await model.line(1)
        await fresh.wait_for("conversation.item.create", count=2)
        told = [
            event["item"]["content"][0]["text"]
            for event in fresh.received
            if event["type"] == "conversation.item.create"
        ]
        assert told == ["My name is Ann.", "Yes."]
        assert fresh.received[0]["session"]["instructions"] == "Be brief."
        await (await model.line(2)).wait_for("session.update")
        assert not any(event["type"].startswith("response.create") for event in fresh.received), (
            "nobody asked"
        )
        assert isinstance(fresh, ListeningLine)
        assert not ear.of(Failed)
