import asyncio
import json
import time
from typing import Any

from client.python.bench.agent import Agent, Voice

VOICE = Voice(answer=0.3, delta=0.1, speed=10.0, pause=0.05)


class Line:
    """What a model connection is to an agent: somewhere to send."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._changed = asyncio.Event()

    def send(self, *events: bytes) -> None:
        self.events += map(json.loads, events)
        self._changed.set()

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def until(self, kind: str, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while self.types().count(kind) < times:
                self._changed.clear()
                await self._changed.wait()


def agent_on(line: Line) -> tuple[Agent, list[tuple[int, float]]]:
    spoken: list[tuple[int, float]] = []
    agent = Agent(1, VOICE, lambda tone, at: spoken.append((tone, at)))
    agent.line = line  # type: ignore[assignment]
    return agent, spoken


async def test_an_answer_is_given_and_its_first_delta_timed() -> None:
    line = Line()
    agent, spoken = agent_on(line)
    before = time.monotonic()
    agent.speak()
    await line.until("response.done")
    assert line.types().count("response.output_audio.delta") == 3
    ((tone, at),) = spoken
    assert tone == 0
    assert before < at < time.monotonic()


async def test_answers_follow_each_other_until_finished() -> None:
    line = Line()
    agent, spoken = agent_on(line)
    agent.speak(again=True)
    await line.until("response.created", times=2)
    agent.finish()
    await line.until("response.done", times=2)
    assert [tone for tone, _ in spoken] == [0, 1]
    started = [at for _, at in spoken]
    assert started[1] - started[0] >= VOICE.answer + VOICE.pause
    item = line.events[-1]["response"]["output"][0]
    assert item["id"] == agent.item_id == "item_1_1"
    agent.stop()


async def test_the_callers_speech_cuts_an_answer_being_made() -> None:
    line = Line()
    agent, _ = agent_on(line)
    agent.speak()
    await line.until("response.output_audio.delta")
    before = time.monotonic()
    assert before <= agent.speech_started() <= time.monotonic()
    assert "input_audio_buffer.speech_started" in line.types()
    assert line.events[-1]["response"]["status"] == "cancelled"
    sent = len(line.events)
    agent.speech_stopped()
    assert line.types()[sent:] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
    ]
    item = line.events[-1]["item"]
    assert (item["role"], item["id"]) == ("user", "item_1_0_caller")


async def test_of_an_answer_that_was_made_only_the_speech_is_told() -> None:
    line = Line()
    agent, _ = agent_on(line)
    agent.speak()
    await line.until("response.done")
    agent.speech_started()
    assert line.types().count("response.done") == 1


async def test_without_a_line_nothing_is_sent() -> None:
    agent, _ = agent_on(Line())
    agent.line = None
    agent.speech_started()
    agent.finish()
