"""The whole call: a WebRTC caller, the gateway, and a scripted model, on loopback."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import numpy as np

from client.python import Microphone, Speaker, TalkpathClient
from signaling.app import Gateway
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.stand_in import StandIn

RATE = 24_000
AT_ONCE = 0.4
"""Seconds, on a busy machine; a few milliseconds on a quiet one."""

LONG = "one two three four five six seven eight"


def voice(seconds: float, hertz: float = 500.0) -> bytes:
    return tone(seconds, RATE, hertz=hertz).tobytes()


@contextlib.asynccontextmanager
async def calling(url: str) -> AsyncIterator[tuple[TalkpathClient, Microphone, Speaker]]:
    async with TalkpathClient(url) as client:
        await client.connect()
        microphone, speaker = Microphone(), Speaker()
        await client.call(microphone, speaker)
        yield client, microphone, speaker


def loud_ms(speaker: Speaker) -> float:
    return sum(1000 * f.seconds for f in speaker.frames if speaker.is_loud(f))


async def test_a_turn_is_heard_at_both_ends(gateway: Gateway, model: StandIn) -> None:
    async with calling(gateway.url) as (client, microphone, speaker):
        line = await model.line()
        said = await microphone.say(tone(0.5, RATE), RATE)
        up = np.frombuffer(await line.wait_for_audio(RATE // 2), dtype=np.int16)
        assert abs(up).max() > 4000

        await line.question("Hello?")
        answer = await line.answer("Hello there.", voice(0.6))
        assert await speaker.wait_onset(said.end, 5.0) is not None
        message = await client.wait_for("message", lambda m: m["id"] == answer, since=0)
        assert [(m["role"], m["content"], m["type"]) for m in client.messages] == [
            ("user", "Hello?", "audio"),
            ("assistant", "Hello there.", "audio"),
        ]
        assert "data" not in message.args[0]
        assert await speaker.wait_quiet(0.2, 5.0, since=said.end)
        assert 560 <= loud_ms(speaker) <= 660
        stats = (await client.wait_for("call_stats", lambda s: s["packetsSent"] >= 30)).args[0]
        assert stats["packetsReceived"] > 20
        assert stats["lossPercent"] in (None, 0.0)
        assert stats["turnLatencyMs"] >= 0
        for name in ("rttMs", "jitterMs", "lossPercent", "concealedPercent"):
            assert stats[name] is None or stats[name] == round(stats[name], 1)


async def test_barge_in_silences_at_once_and_truncates_at_what_was_heard(
    gateway: Gateway, model: StandIn
) -> None:
    async with calling(gateway.url) as (client, _, speaker):
        line = await model.line()
        answer = await line.answer(LONG, voice(8.0))
        await speaker.wait_onset(0.0, 5.0)
        await client.wait_for("call_stats", lambda s: s["bufferMs"] > 0, since=0)
        started = time.monotonic()
        await line.speech_started()
        cut = await line.wait_for("conversation.item.truncate")
        assert time.monotonic() - started < AT_ONCE
        assert cut["item_id"] == answer
        assert cut["content_index"] == 0

        told = (await client.wait_for("audio_interrupted", since=started)).args[0]
        assert told == {"itemId": answer, "audioEndMs": cut["audio_end_ms"]}
        assert await speaker.wait_quiet(0.3, 2.0, since=started)
        last = speaker.last_loud_before(float("inf"))
        assert last is not None
        assert last - started < AT_ONCE
        assert abs(loud_ms(speaker) - cut["audio_end_ms"]) <= 40
        message = (await client.wait_for("message", since=started)).args[0]
        assert message["data"] == {"interrupted": True, "audioEndMs": cut["audio_end_ms"]}
        assert LONG.startswith(message["content"])
        assert len(message["content"]) <= len(LONG) * cut["audio_end_ms"] / 8000
        assert "response.cancel" not in [event["type"] for event in line.received]


async def test_interrupt_stops_the_answer_and_the_model(gateway: Gateway, model: StandIn) -> None:
    async with calling(gateway.url) as (client, _, speaker):
        line = await model.line()
        await line.answer(LONG, voice(4.0), finish=False)
        onset = await speaker.wait_onset(0.0, 5.0)
        assert onset is not None
        await client.interrupt()
        await line.wait_for("response.cancel")
        await line.wait_for("conversation.item.truncate")
        assert await speaker.wait_quiet(0.3, 2.0, since=time.monotonic())
        # The next answer is heard again, on the same leg.
        moment = time.monotonic()
        await line.send("response.done", response={"id": "gone", "output": []})
        await line.answer("Go on.", voice(0.3))
        assert await speaker.wait_onset(moment, 5.0) is not None


async def test_a_muted_microphone_is_not_forwarded(gateway: Gateway, model: StandIn) -> None:
    async with calling(gateway.url) as (client, microphone, _):
        line = await model.line()
        await client.mute()
        await line.wait_for("session.update", count=2)
        heard = len(line.audio)
        await microphone.say(tone(0.2, RATE), RATE)
        assert len(line.audio) == heard
        await client.mute(False)
        await microphone.say(tone(0.2, RATE), RATE)
        await line.wait_for_audio(heard // 2 + RATE // 10)


async def test_the_model_is_killed_in_mid_call_and_comes_back() -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(StandIn())
        gateway = await stack.enter_async_context(running_gateway(first.url))
        client, microphone, speaker = await stack.enter_async_context(calling(gateway.url))
        line = await first.line()
        await line.question("What time is it?")
        await line.answer("It is noon.", voice(0.3))
        await client.wait_for("message", lambda m: m["role"] == "assistant", since=0)

        moment = time.monotonic()
        line.socket.transport.abort()
        await first.__aexit__(None, None, None)
        status = await client.wait_for("session_status", since=moment)
        assert status.args[0]["status"] == "CONNECTING"
        error = await client.wait_for("error", since=moment)
        assert error.args[0]["code"] == "upstream_unavailable"
        await microphone.say(tone(0.1, RATE), RATE)  # into the void
        await client.send_text("Are you there?")

        second = await stack.enter_async_context(StandIn(port=first.port))
        status = await client.wait_for(
            "session_status", lambda s: s["status"] == "CONNECTED", since=moment
        )
        fresh = await second.line()
        await fresh.wait_for("response.create")
        assert [
            event["item"]["content"][0]["text"]
            for event in fresh.received
            if event["type"] == "conversation.item.create"
        ] == ["What time is it?", "It is noon.", "Are you there?"]
        assert await speaker.wait_quiet(0.3, 5.0, since=moment)
        moment = time.monotonic()
        await fresh.answer("Back again.", voice(0.3))
        assert await speaker.wait_onset(moment, 5.0) is not None
        assert client.media_state == "connected"


async def test_two_callers_hear_their_own_answers(gateway: Gateway, model: StandIn) -> None:
    async with calling(gateway.url) as ann, calling(gateway.url) as bob:
        first, second = await model.line(0), await model.line(1)
        await first.answer("For Ann.", voice(0.4))
        onset = await ann[2].wait_onset(0.0, 5.0)
        assert onset is not None
        await ann[0].wait_for("message", since=0)
        assert loud_ms(bob[2]) == 0
        await ann[0].hang_up()
        await second.answer("For Bob.", voice(0.4))
        assert await bob[2].wait_onset(0.0, 5.0) is not None
        message = await bob[0].wait_for("message", since=0)
        assert message.args[0]["content"] == "For Bob."
