"""Clients without WebRTC, as those of the old bridge: Socket.IO and raw PCM16, by its documents."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np
import pytest

from client.python import Microphone, Speaker, TalkpathClient
from signaling import client
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.recordings import KINDS, fragmented_m4a, recording
from tests.signaling.callers import Bare, Caller, until
from tests.stand_in import StandIn

RATE = 24_000
SPEECH = np.random.default_rng(3).integers(-9_000, 9_000, RATE).astype("<i2").tobytes()
CHUNKS = [SPEECH[start : start + 4_800] for start in range(0, len(SPEECH), 4_800)]
"""100 ms each."""


def wire(chunk: bytes, form: str) -> bytes | str:
    return chunk if form == "bytes" else base64.b64encode(chunk).decode()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("form", ["bytes", "base64"])
async def test_chunks_of_100_ms_reach_the_model_and_are_acknowledged(
    gateway: Gateway, model: StandIn, form: str, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        await caller.join(userId="npc-7")
        await caller.ask("mute", False)
        for chunk in CHUNKS:
            assert await caller.ask("send_audio", wire(chunk, form)) == {
                **{"ok": True, "format": "pcm16", "sampleRate": RATE},
                **{"channels": 1, "durationMs": 100},
            }
        line = await model.line()
        assert await line.wait_for_audio(RATE) == SPEECH


async def test_push_to_talk(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        assert (await caller.ask("mute", True))["ok"]
        assert (await caller.ask("clear_audio"))["ok"]
        for chunk in CHUNKS:
            assert (await caller.ask("send_audio", {"audio": chunk, "format": "pcm16"}))["ok"]
        assert (await caller.ask("commit_audio"))["ok"]
        await line.wait_for("response.create")
        assert bytes(line.audio) == SPEECH
        assert [event["type"] for event in line.received] == [
            *("session.update", "input_audio_buffer.clear", "session.update"),
            *("input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"),
        ]


async def test_what_header_less_audio_is_can_be_set(model: StandIn) -> None:
    async with (
        running_gateway(model.url, audio_sample_rate=48_000, audio_channels=2) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        sent = await caller.ask("send_audio", bytes(48_000 * 4), "pcm16")
        assert sent["sampleRate"] == 48_000
        assert sent["channels"] == 2
        assert sent["durationMs"] == 1000
        assert (await caller.ask("commit_audio"))["ok"]
        line = await model.line()
        await line.wait_for("response.create")
        assert len(line.audio) == RATE * 2


@pytest.mark.parametrize("form", ["bytes", "base64"])
async def test_the_largest_audio_passes_and_one_byte_more_is_too_large(
    model: StandIn, form: str
) -> None:
    size = 3_000_000
    async with (
        running_gateway(model.url, max_audio_size=size) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        assert (await caller.ask("send_audio", wire(bytes(size), form)))["ok"]
        refused = await caller.ask("send_audio", wire(bytes(size + 1), form))
        assert refused["error"]["code"] == "too_large"
        assert (await caller.ask("interrupt")) == {"ok": True}
        line = await model.line()
        await line.wait_for_audio(size // 2)


async def test_more_than_any_audio_closes_the_connection_and_the_session_can_be_resumed(
    model: StandIn,
) -> None:
    async with running_gateway(model.url, max_audio_size=2_000_000) as gateway:
        async with Bare(gateway.url) as bare:
            await bare.connect()
            joined = await bare.ask(1, "join_session", {})
            await bare.send('422["send_audio","' + "A" * 2_700_000 + '"]')
            assert await bare.closed() == 1009
        async with Caller(gateway.url) as caller:
            assert (await caller.resume(joined))["ok"]


BAD: list[tuple[tuple[Any, ...], str]] = [
    ((), "bad_request"),
    ((None,), "bad_request"),
    ((12,), "bad_request"),
    (([1, 2, 3],), "bad_request"),
    (("not base64!",), "bad_request"),
    (({"format": "pcm16"},), "bad_request"),
    ((b"\0\0", 16), "bad_request"),
    ((b"\0\0", "pcm99"), "unsupported_format"),
    ((b"\0\0", "webm"), "unsupported_format"),
    ((b"#EXTM3U\nfile:///etc/passwd\n", "mp3"), "unsupported_format"),
    ((recording("flac")[:60], "flac"), "unsupported_format"),
    ((b"OggS" + b"\xff" * 60,), "unsupported_format"),
]


async def test_bad_audio_is_refused_and_the_session_goes_on(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        assert (await caller.ask("send_audio", b"\0\0"))["error"]["code"] == "no_session"
        await caller.join()
        for args, code in BAD:
            refused = await caller.ask("send_audio", *args)
            assert refused["error"]["code"] == code, args
        assert (await caller.ask("send_audio", SPEECH))["ok"]
        assert await (await model.line()).wait_for_audio(RATE) == SPEECH
        assert (await caller.ask("disconnect_session"))["ok"]
        assert caller.of("session_status")[-1]["status"] == "DISCONNECTED"


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_recording_in_a_container(
    gateway: Gateway, model: StandIn, kind: str, named: bool
) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        sent = await caller.ask("send_audio", recording(kind), *([kind] if named else []))
        assert sent["ok"], sent
        assert (sent["format"], sent["sampleRate"], sent["channels"]) == (kind, 48_000, 1)
        assert abs(sent["durationMs"] - 1000) < 60
        assert (await caller.ask("commit_audio"))["ok"]
        line = await model.line()
        await line.wait_for("response.create")
        assert len(line.audio) // 48 == sent["durationMs"]


@pytest.mark.parametrize("kind", ["webm", "ogg"])
async def test_a_recorder_s_chunks_and_raw_audio_after_them(
    gateway: Gateway, model: StandIn, kind: str
) -> None:
    data = recording(kind)
    chunks = [data[start : start + 2_000] for start in range(0, len(data), 2_000)]
    async with Caller(gateway.url) as caller:
        await caller.join()
        for number, chunk in enumerate(chunks):
            form = f"audio/{kind};codecs=opus" if number % 2 else None
            sent = await caller.ask("send_audio", {"audio": wire(chunk, "base64"), "format": form})
            assert sent["format"] == kind, sent
        line = await model.line()
        assert (await caller.ask("commit_audio"))["ok"]
        await line.wait_for("response.create")
        assert abs(len(line.audio) / 48_000 - 1.0) < 0.03
        before = len(line.audio)
        assert (await caller.ask("send_audio", CHUNKS[0]))["format"] == "pcm16"
        await line.wait_for_audio(before // 2 + 2_400)


async def test_a_chunk_that_begins_with_a_page_goes_on_with_the_recording(
    gateway: Gateway, model: StandIn
) -> None:
    """Firefox cuts its Ogg there, and each page looks like a beginning."""
    start, *later = [b"OggS" + page for page in recording("ogg").split(b"OggS")[1:]]
    async with Caller(gateway.url) as caller:
        await caller.join()
        answers = [await caller.ask("send_audio", start, "ogg")]
        assert (await caller.ask("commit_audio"))["ok"]
        answers += [await caller.ask("send_audio", page) for page in later]
        assert [answer.get("format") for answer in answers] == ["ogg"] * len(answers)
        line = await model.line()
        await line.wait_for_audio(23_500)
        late = await caller.ask("send_audio", later[-1], "ogg")
        assert late["error"]["code"] == "unsupported_format", "that recording said its end"


@pytest.mark.parametrize("kind", ["webm of Vorbis", "fragmented m4a"])
async def test_chunks_of_anything_but_opus_are_refused_by_name(
    gateway: Gateway, model: StandIn, kind: str
) -> None:
    """The first may be a file of its own; what comes behind it is none."""
    data = fragmented_m4a() if kind == "fragmented m4a" else recording(kind, "stereo")
    form, middle = kind.split()[0 if kind.startswith("webm") else 1], len(data) * 2 // 3
    async with Caller(gateway.url) as caller:
        await caller.join()
        first = await caller.ask("send_audio", data[:middle], form)
        assert 300 < first["durationMs"] < 900, first
        refused = await caller.ask("send_audio", data[middle:], form)
        assert refused["error"]["code"] == "unsupported_format"
        assert "only Opus in WebM or Ogg may come in chunks" in refused["error"]["message"]
        whole = await caller.ask("send_audio", data, form)
        assert abs(whole["durationMs"] - 1000) < 60


# -- the agent's voice


def voice_of(caller: Caller) -> bytes:
    return b"".join(map(base64.b64decode, caller.of("audio_response")))


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_conversation_as_the_old_bridge_has_it(
    gateway: Gateway, model: StandIn, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        await caller.join(userId="npc-7")
        await caller.reach_model()
        line = await model.line()
        await line.question("Who goes there?")
        started = asyncio.get_running_loop().time()
        answer = await line.answer("A friend.", SPEECH)
        await caller.wait("message", lambda m: m["id"] == answer)
        assert asyncio.get_running_loop().time() - started >= 0.95
        assert voice_of(caller) == SPEECH
        await caller.wait("transcript", count=2)
        assert [event[1:] for event in caller.events if event[0] == "transcript"] == [
            ("Who goes there?", "user"),
            ("A friend.", "assistant"),
        ]
        assert not caller.of("audio_interrupted")
        stats = await caller.wait("call_stats", lambda s: s["turnLatencyMs"] is not None)
        assert 0 <= stats["turnLatencyMs"] < 1_000
        assert stats["bufferMs"] >= 0
        assert (stats["underruns"], stats["uplinkDroppedMs"], stats["rttMs"]) == (0, 0, None)
        assert (await caller.ask("disconnect_session"))["ok"]


async def test_the_voice_comes_at_the_rate_of_header_less_audio(model: StandIn) -> None:
    async with (
        running_gateway(model.url, audio_sample_rate=48_000) as gateway,
        Caller(gateway.url) as caller,
    ):
        await caller.join()
        await caller.reach_model()
        answer = await (await model.line()).answer("A friend.", SPEECH)
        await caller.wait("message", lambda m: m["id"] == answer)
        assert abs(len(voice_of(caller)) - 2 * len(SPEECH)) < 0.005 * 2 * len(SPEECH)


@pytest.mark.parametrize("how", ["speech", "interrupt"])
async def test_a_barge_in_cuts_at_what_was_played(
    gateway: Gateway, model: StandIn, how: str
) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        answer = await line.answer("I have a long story to tell.", SPEECH * 8)
        await caller.wait("audio_response")
        started = asyncio.get_running_loop().time()
        await caller.wait("audio_response", count=35)
        if how == "speech":
            await line.speech_started()
        else:
            assert (await caller.ask("interrupt"))["ok"]
        told = await caller.wait("audio_interrupted")
        played = 1000 * (asyncio.get_running_loop().time() - started)
        cut = await line.wait_for("conversation.item.truncate")
        assert told == {"itemId": answer, "audioEndMs": cut["audio_end_ms"]}
        assert abs(played - cut["audio_end_ms"]) < 60
        got = len(voice_of(caller)) / 48
        assert 100 < got - cut["audio_end_ms"] <= 300
        message = await caller.wait("message")
        assert message["data"] == {"interrupted": True, "audioEndMs": cut["audio_end_ms"]}
        count = len(caller.of("audio_response"))
        await line.send("response.done", response={"id": "gone", "output": []})
        again = await line.answer("Go on.", SPEECH[:9_600])
        await caller.wait("message", lambda m: m["id"] == again)
        assert len(caller.of("audio_response")) == count + 10


async def test_a_webrtc_leg_takes_the_voice_and_gives_it_back(
    gateway: Gateway, model: StandIn
) -> None:
    async with TalkpathClient(gateway.url) as caller:
        voices: list[str] = []
        caller.on("audio_response", voices.append)
        await caller.connect()
        await caller.wait_for("session_status", lambda s: s["status"] == "CONNECTED", since=0)
        line = await model.line()

        async def hear(text: str) -> None:
            answer = await line.answer(text, SPEECH)
            await caller.wait_for("message", lambda m: m["id"] == answer, since=0)

        await hear("By Socket.IO.")
        assert len(voices) == 50
        await caller.call(Microphone(), Speaker())
        await hear("By WebRTC.")
        assert len(voices) == 50
        assert gateway.sessions is not None
        (session,) = gateway.sessions._live.values()
        assert session.legs.offered is not None
        await session.legs.offered.close()
        await caller.wait_for("webrtc_state", lambda s: s["connection"] == "closed", since=0)
        await hear("By Socket.IO again.")
        assert len(voices) == 100


async def test_a_client_that_comes_back_hears_the_rest(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as first:
        session = await first.join()
        await first.reach_model()
        answer = await (await model.line()).answer("I have a story to tell.", SPEECH * 2)
        await first.wait("audio_response", count=20)
    async with Caller(gateway.url) as second:
        assert (await second.resume(session))["ok"]
        message = await second.wait("message", lambda m: m["id"] == answer)
        assert "data" not in message
        heard = voice_of(first) + voice_of(second)
        assert heard == SPEECH * 2


async def test_a_slow_client_loses_the_oldest_voice_and_is_told_and_nothing_else_is_lost(
    gateway: Gateway, model: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_VOICE", 20)
    async with Caller(gateway.url) as caller:
        joined = await caller.join()
        await caller.reach_model()
        sessions = gateway.sessions
        assert sessions is not None
        session = sessions.find(joined["sessionId"], joined["resumeToken"])
        listener = session._mailbox._listener
        assert isinstance(listener, client.Client)
        full = True
        monkeypatch.setattr(listener._server, "backlog", lambda sid: 999 if full else 0)
        line = await model.line()
        answer = await line.answer("A friend.", SPEECH * 2)
        playout = session._playout
        await until(lambda: playout.received(answer) > 0 and not playout.owed_samples)
        assert len(listener._voice) == 20
        full = False
        message = await caller.wait("message", lambda m: m["id"] == answer)
        assert message["content"] == "A friend."
        assert [error["code"] for error in caller.of("error")] == ["rate_limited"]
        voice = voice_of(caller)
        assert len(voice) < len(SPEECH)
        assert (SPEECH * 2).endswith(voice)
