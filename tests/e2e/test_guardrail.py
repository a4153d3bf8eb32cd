"""A guardrail in a real call: how soon the caller hears no more, and what the transcript shows."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from pathlib import Path
from typing import Literal

import pytest

from client.python import Microphone, Speaker, TalkpathClient
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.stand_in import Line, StandIn

RATE = 24_000
AT_ONCE = 0.3
"""Seconds from the verdict to the last loud sound."""

DESK = """
import asyncio, time
from gateway.agents.agent import Agent, AgentSet
from gateway.agents.guardrails import PASSED, Category, Verdict

verdicts = []


class Slow:
    name, stride, timeout, blocks_when_away = "slow", 1, 5.0, False

    async def judge(self, text, context):
        await asyncio.sleep(0.2)
        if "custard" not in text:
            return PASSED
        verdicts.append(time.monotonic())
        return Verdict(Category.OFFENSIVE, "it calls names")


AGENTS = AgentSet("rude", (Agent("front", "Be rude."),), "front", "NewTelco", (Slow(),))
"""

SAID = "good morning I am so very glad that you of all people call"
REST = " you utter custard of a man and here is more of it"


def voice(seconds: float) -> bytes:
    return tone(seconds, RATE, hertz=500.0).tobytes()


async def say(line: Line, text: str, pcm: bytes, ids: dict[str, object]) -> None:
    await line.send("response.output_audio_transcript.delta", delta=text, **ids)
    for start in range(0, len(pcm), 9600):
        delta = base64.b64encode(pcm[start : start + 9600]).decode()
        await line.send("response.output_audio.delta", delta=delta, **ids)


@pytest.mark.parametrize("transport", ["webrtc", "pcm"])
async def test_offending_words_are_cut_and_the_transcript_shows_what_was_heard(
    tmp_path: Path, transport: Literal["webrtc", "pcm"]
) -> None:
    file = tmp_path / f"rude_{transport}.py"
    file.write_text(DESK)
    async with (
        StandIn() as model,
        running_gateway(model.url, agent_set=str(file)) as gateway,
        TalkpathClient(gateway.url) as client,
    ):
        await client.connect()
        speaker = Speaker()
        await client.call(Microphone(), speaker, transport)
        line = await model.line()
        ids: dict[str, object] = {"response_id": "resp_1", "item_id": "a1", "content_index": 0}
        item = {"id": "a1", "type": "message", "role": "assistant", "content": []}
        await line.send("response.created", response={"id": "resp_1"})
        await line.send("response.output_item.added", response_id="resp_1", item=item)
        await say(line, SAID, voice(3.0), ids)
        onset = await speaker.wait_onset(0.0, 5.0)
        assert onset is not None
        # The rest comes while the beginning is heard, with two thirds of it still to be spoken.
        await asyncio.sleep(max(0.0, onset + 1.0 - time.monotonic()))
        await say(line, REST, voice(6.0), ids)

        told = (await client.wait_for("agent_event", lambda e: e["type"] == "guardrail")).args[0]
        (verdict,) = sys.modules[f"talkpath_agent_set_{file.stem}"].verdicts
        assert await speaker.wait_quiet(0.4, 3.0, since=verdict)
        last = speaker.last_loud_before(float("inf"))
        assert last is not None
        assert last - verdict < AT_ONCE

        cut = await line.wait_for("conversation.item.truncate")
        heard_ms = sum(1000 * f.seconds for f in speaker.frames if speaker.is_loud(f))
        assert abs(heard_ms - cut["audio_end_ms"]) <= 60
        assert told["itemId"] == "a1"
        assert told["audioEndMs"] == cut["audio_end_ms"]
        assert (told["category"], told["rationale"]) == ("offensive", "it calls names")
        message = (await client.wait_for("message", lambda m: m["id"] == "a1", since=0)).args[0]
        assert "custard" not in message["content"]
        assert SAID.startswith(message["content"])
        share = cut["audio_end_ms"] / 9_000
        assert len(message["content"]) <= len(SAID + REST) * share
        assert len(message["content"]) >= len(SAID + REST) * share - 12
        assert message["data"] == {
            "interrupted": True,
            "audioEndMs": cut["audio_end_ms"],
            "guardrail": {"category": "offensive", "rationale": "it calls names"},
        }

        await line.wait_for("response.cancel")
        correction = await line.wait_for("conversation.item.create")
        assert message["content"] in correction["item"]["content"][0]["text"]
        await line.send("response.done", response={"id": "resp_1", "status": "cancelled"})
        await line.wait_for("response.create")
        moment = time.monotonic()
        await line.answer("I am sorry. Good morning.", voice(0.5))
        assert await speaker.wait_onset(moment, 5.0) is not None
