"""The front desk through the gateway, with the embedded model: conversations by table, written and
spoken.
"""

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from client.python import Microphone, Speaker, TalkpathClient
from gateway.agents.telecom import wording
from gateway.local_model import front_desk
from gateway.local_model.tts import HibariVoice
from tests.e2e.dialogues import SPOKEN, WRITTEN, Dialogue, Turn
from tests.gateways import running_gateway
from tests.responses_stand_in import call, message, response, responses_stand_in
from tests.speech import end_of_speech, silence

RATE = 24_000
ANSWER_TIMEOUT = 60.0
MOST_CALLS = 10
AT_ONCE = 30
"""Calls in parallel: an answer takes as long as it is spoken, and costs little."""

SLOW = str(Path(__file__).with_name("slow_desk.py"))

PHRASES = [
    phrase
    for phrases in [
        *(value for name, value in vars(wording).items() if name.isupper()),
        *(value for name, value in vars(front_desk).items() if name.isupper()),
    ]
    if isinstance(phrases, tuple)
    for phrase in phrases
    if isinstance(phrase, str)
]


@dataclass
class Heard:
    """What a caller was told, one call."""

    client: TalkpathClient
    answers: list[dict[str, Any]] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.client.on("agent_response", self._on_answer)
        self.client.on("agent_event", self._on_agent_event)
        self.client.on("error", self._on_error)

    def _on_answer(self, answer: dict[str, Any]) -> None:
        self.answers.append(answer)
        self.changed.set()

    def _on_agent_event(self, event: dict[str, Any]) -> None:
        if event["type"] == "lookup_start":
            self.lookups.append(event["lookup"])

    def _on_error(self, error: dict[str, Any]) -> None:
        # A busy machine may not keep up with so many voices, which nobody listens to here.
        if error["code"] != "rate_limited":
            self.problems.append(str(error))

    async def until_answered(self, before: int) -> list[dict[str, Any]]:
        """All whole lines from the ``before``-th on, the last of which is no filler. An answer to a
        part of what the caller said ends when they go on.
        """
        async with asyncio.timeout(ANSWER_TIMEOUT):
            while True:
                lines = self.answers[before:]
                whole = [line for line in lines if not line["metadata"].get("interrupted")]
                if any(not is_filler(line) for line in whole):
                    return whole
                self.changed.clear()
                await self.changed.wait()


def is_filler(line: dict[str, Any]) -> bool:
    return line["content"] in front_desk.FILLERS


Say = Callable[[str], Awaitable[None]]


async def hold(dialogue: Dialogue, heard: Heard, say: Say) -> list[str]:
    """Take a dialogue's turns; returns what went wrong."""
    for number, turn in enumerate(dialogue.turns, 1):
        lines, lookups = len(heard.answers), len(heard.lookups)
        await say(turn.said)
        try:
            told = await heard.until_answered(lines)
        except TimeoutError:
            return [f"{dialogue.name}, turn {number} ({turn.said}): no answer"]
        wrong = differences(turn, told, heard.lookups[lookups:])
        if wrong:
            lines_told = " | ".join(line["content"] for line in heard.client.messages)
            return [f"{dialogue.name}, turn {number} ({turn.said}): {wrong}: {lines_told}"]
    return [f"{dialogue.name}: {problem}" for problem in [*heard.problems, *repetitions(heard)]]


def differences(turn: Turn, told: list[dict[str, Any]], lookups: list[str]) -> str:
    """How an answer is not what it should be; empty: it is."""
    *before, answer = told
    wrong = [f"without {text!r}" for text in turn.has if text not in answer["content"]]
    wrong += [f"with {text!r}" for text in turn.lacks if text in answer["content"]]
    fillers = [line for line in before if is_filler(line)]
    if len(fillers) != len(before) or len(fillers) != (0 if turn.direct else 1):
        wrong.append(f"{len(fillers)} fillers among {len(before)} lines before")
    if answer["metadata"].get("direct") is not turn.direct:
        wrong.append(f"metadata {answer['metadata']}")
    if not turn.direct and answer["metadata"].get("supervisor", {}).get("lookups") != lookups:
        wrong.append("metadata do not tell the look-ups")
    if lookups != list(turn.lookups):
        wrong.append(f"looked up {lookups}")
    return ", ".join(wrong)


def repetitions(heard: Heard) -> list[str]:
    """Sample phrases that were said twice. One that repeats on request says another's words."""
    lines = [line["content"] for line in heard.answers if "I said:" not in line["content"]]
    found = []
    for phrase in PHRASES:
        parts = [part for part in re.split(r"\{\w+\}", phrase) if len(part) > 8]
        if parts and sum(all(part in line for part in parts) for line in lines) > 1:
            found.append(f"said twice: {phrase}")
    return found


@pytest.mark.timeout(180)
async def test_written_conversations() -> None:
    assert len(WRITTEN) >= 40
    places = asyncio.Semaphore(AT_ONCE)
    longest_first = sorted(WRITTEN, key=lambda dialogue: -len(dialogue.turns))

    async def one(dialogue: Dialogue, url: str) -> list[str]:
        async with places, TalkpathClient(url, timeout=30.0) as client:
            heard = Heard(client)
            await client.connect()
            return await hold(dialogue, heard, client.send_text)

    async with running_gateway(None) as gateway:
        results = await asyncio.gather(*(one(dialogue, gateway.url) for dialogue in longest_first))
    wrong = [line for result in results for line in result]
    assert not wrong, "\n  " + "\n  ".join(wrong)


@pytest.fixture(scope="module")
def voice() -> HibariVoice:
    """The callers'."""
    return HibariVoice()


async def speak(microphone: Microphone, voice: HibariVoice, text: str) -> None:
    """Say it, after half a second in which voice detection settles."""
    speech = await asyncio.to_thread(voice.speak, text, 1.0)
    await microphone.say(np.concatenate([silence(0.5, RATE), speech]), rate=RATE)


@pytest.mark.alone
@pytest.mark.timeout(180)
async def test_spoken_conversations(voice: HibariVoice) -> None:
    assert len(SPOKEN) >= 6

    async def one(dialogue: Dialogue, url: str) -> list[str]:
        async with TalkpathClient(url, timeout=30.0) as client:
            heard, microphone = Heard(client), Microphone()
            await client.connect()
            await client.call(microphone, Speaker())
            return await hold(dialogue, heard, functools.partial(speak, microphone, voice))

    async with running_gateway(None) as gateway:
        results = await asyncio.gather(*(one(dialogue, gateway.url) for dialogue in SPOKEN))
    wrong = [line for result in results for line in result]
    assert not wrong, "\n  " + "\n  ".join(wrong)


QUESTION = "What does roaming in Europe cost?"


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_a_filler_is_heard_within_700_ms_while_the_supervisor_takes_3_s(
    voice: HibariVoice,
) -> None:
    speech = np.concatenate([silence(0.5, RATE), voice.speak(QUESTION, 1.0)])
    waits: list[float] = []
    async with running_gateway(None, agent_set=SLOW) as gateway:
        # A busy machine delays a call now and then, but not most of them.
        while len(waits) < MOST_CALLS and sum(wait <= 0.7 for wait in waits) < 2:
            async with TalkpathClient(gateway.url) as client:
                heard, microphone, speaker = Heard(client), Microphone(), Speaker()
                await client.connect()
                await client.call(microphone, speaker)
                utterance = await microphone.say(speech, rate=RATE)
                ended = utterance.sent_at(end_of_speech(speech, RATE))
                filler = await speaker.wait_onset(ended, within=10.0)
                assert filler is not None
                waits.append(filler - ended)
                asked = await client.wait_for("agent_event", _is_tool_end, since=0.0)
                assert asked.args[0]["ms"] >= 3_000
                assert [is_filler(line) for line in heard.answers] == [True]
    print(f"filler after {', '.join(f'{wait * 1000:.0f}' for wait in waits)} ms")
    assert sum(wait <= 0.7 for wait in waits) >= 2, waits


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_a_caller_who_speaks_up_is_answered_and_no_result_is_lost(
    voice: HibariVoice,
) -> None:
    async def one(moment: str, spoken: bool, url: str) -> None:
        async with TalkpathClient(url, timeout=30.0) as client:
            heard, microphone = Heard(client), Microphone()
            await client.connect()
            say: Say = client.send_text
            if spoken:
                await client.call(microphone, Speaker())
                say = functools.partial(speak, microphone, voice)
            await say(QUESTION)
            if moment == "filler":
                await client.wait_for("transcript_delta", _of_agent, since=0.0)
            elif moment == "look-up":
                told = await client.wait_for("agent_response", since=0.0)
                assert is_filler(told.args[0])
            else:
                delta = _has("day pass", "delta")
                await client.wait_for("transcript_delta", delta, ANSWER_TIMEOUT, since=0.0)
            await say("How are you?")
            # In one line with what the supervisor said, if that came while the caller spoke.
            await client.wait_for("agent_response", _has("well"), ANSWER_TIMEOUT, since=0.0)
            if moment != "answer":
                answer = await client.wait_for(
                    "agent_response", _has("$8"), ANSWER_TIMEOUT, since=0.0
                )
                assert answer.args[0]["metadata"]["direct"] is False
            await say("What did I just say?")
            await client.wait_for("agent_response", _has("ow are you"), ANSWER_TIMEOUT, since=0.0)
            assert heard.problems == []

    async with running_gateway(None, agent_set=SLOW) as gateway:
        await asyncio.gather(
            *(
                one(moment, spoken, gateway.url)
                for moment in ("filler", "look-up", "answer")
                for spoken in (False, True)
            )
        )


@pytest.mark.timeout(60)
async def test_a_text_model_supervises_where_there_is_one() -> None:
    async with responses_stand_in() as server:
        server.will(
            response(call("lookupPolicyDocument", '{"topic": "roaming"}')),
            response(message("Eight dollars a day. [Roaming](NT-02)")),
        )
        async with (
            running_gateway(None, supervisor_url=server.url, supervisor_model="big") as gateway,
            TalkpathClient(gateway.url) as client,
        ):
            heard = Heard(client)
            await client.connect()
            await client.send_text(QUESTION)
            filler, answer = await heard.until_answered(0)
        assert is_filler(filler)
        assert answer["content"] == "Eight dollars a day."
        assert answer["metadata"]["citations"] == [{"name": "Roaming", "id": "NT-02"}]
        assert heard.lookups == ["lookupPolicyDocument"]
    first, second = server.requests
    assert (first["model"], first["input"][0]["content"]) == ("big", QUESTION)
    assert "a day pass costs $8" in second["input"][-1]["output"]


def _is_tool_end(event: dict[str, Any]) -> bool:
    return event["type"] == "tool_end"


def _of_agent(told: dict[str, Any]) -> bool:
    return told["role"] == "assistant"


def _has(text: str, name: str = "content") -> Callable[[dict[str, Any]], bool]:
    return lambda told: text in told[name]
