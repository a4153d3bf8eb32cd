"""What a call costs, as a client sees it, and how it ends for that."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from client.python import Microphone, Speaker, TalkpathClient
from gateway.config import SettingsError
from gateway.core.ending import Ending
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.stand_in import StandIn

RATE = 24_000
PRICES = '{"talker": {"audio_in": 100, "audio_out": 1000}, "hearer": {"audio_minute": 6}}'


def used(audio_out: int) -> dict[str, Any]:
    return {
        "total_tokens": 100 + audio_out,
        "input_tokens": 100,
        "output_tokens": audio_out,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 100},
        "output_token_details": {"text_tokens": 0, "audio_tokens": audio_out},
    }


async def test_a_call_at_its_limit_is_warned_says_goodbye_and_ends_with_its_reason() -> None:
    voice = tone(0.3, RATE, hertz=500.0).tobytes()
    async with contextlib.AsyncExitStack() as stack:
        model = await stack.enter_async_context(StandIn())
        gateway = await stack.enter_async_context(
            running_gateway(
                model.url,
                realtime_model="talker",
                transcription_model="hearer",
                model_prices=PRICES,
                max_cost_per_session=1.0,
            )
        )
        client = await stack.enter_async_context(TalkpathClient(gateway.url))
        await client.connect()
        speaker = Speaker()
        await client.call(Microphone(), speaker)
        line = await model.line()
        await line.question("Are you dear?")
        await line.answer("Not yet.", voice, usage=used(400))
        stats = (await client.wait_for("call_stats", lambda s: s["costUsd"], since=0)).args[0]
        assert stats["costUsd"] == 0.1 + 0.01 + 0.4, "a second of recognition, audio in, audio out"
        assert stats["tokens"] == {
            **{"textIn": 0, "textCached": 0, "textOut": 0},
            **{"audioIn": 100, "audioCached": 0, "audioOut": 400, "audioSeconds": 1.0},
        }
        assert stats["steps"]["turn"]["count"] == 1
        usage = (
            await client.wait_for("agent_event", lambda e: e["type"] == "usage", since=0)
        ).args[0]
        assert set(usage["models"]) == {"talker", "hearer"}

        await line.answer("A little.", voice, usage=used(400))
        warned = await client.wait_for("agent_event", lambda e: e["type"] == "cost_warning")
        assert warned.args[0] == {"type": "cost_warning", "costUsd": 0.92, "limitUsd": 1.0}
        asked = await line.wait_for("response.create")
        assert "little longer" in asked["response"]["instructions"]
        await line.answer("We must be brief.", voice, usage=used(100))
        await client.wait_for("agent_event", lambda e: e["type"] == "cost_limit")
        muted = await line.wait_for("session.update", count=2)
        assert muted["session"]["audio"]["input"]["turn_detection"] is None
        asked = await line.wait_for("response.create", count=2)
        assert "goodbye" in asked["response"]["instructions"]
        bye = await line.answer("Goodbye!", voice, usage=used(10))
        await client.wait_for("message", lambda m: m["id"] == bye, since=0)
        ended = await client.wait_for("session_status", lambda s: s["status"] == "DISCONNECTED")
        assert ended.args[0]["reason"] == Ending.TOO_DEAR


async def test_a_limit_without_a_price_stops_the_start() -> None:
    with pytest.raises(SettingsError, match=r"MAX_COST_PER_SESSION=2: .*REALTIME_MODEL=unheard-of"):
        async with running_gateway(
            "ws://127.0.0.1:1", realtime_model="unheard-of", max_cost_per_session=2
        ):
            pass
