"""A call over Socket.IO alone: against a scripted gateway, and its player by the clock."""

import asyncio
import base64
import socket
import time

import numpy as np
import pytest

from client.python import ClientError, Microphone, Speaker, TalkpathClient
from client.python.heard import RATE
from client.python.levels import Samples, level_dbfs
from client.python.pcm_call import PcmCall
from tests.client.scripted import ScriptedGateway
from tests.client.tones import tone

CHUNK_BYTES = 2 * RATE * 40 // 1000


def wire(samples: Samples) -> str:
    return base64.b64encode(samples.tobytes()).decode()


def chunks(gateway: ScriptedGateway) -> list[bytes]:
    return [audio for audio, _ in gateway.requested("send_audio")]


def loud(gateway: ScriptedGateway) -> float:
    """Seconds of speech among what was sent."""
    line = np.frombuffer(b"".join(chunks(gateway)), dtype="<i2")
    frames = line[: len(line) // 240 * 240].reshape(-1, 240)
    return sum(level_dbfs(frame) > -30 for frame in frames) * 0.01


async def test_speech_goes_up_in_real_time_between_silence(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone = Microphone()
        await client.call(microphone, Speaker(), "pcm")
        with pytest.raises(ClientError, match="has a call already"):
            await client.call(Microphone(), Speaker())
        started = time.monotonic()
        utterance = await microphone.say(tone(0.5, RATE))
        assert time.monotonic() - started > 0.45
        assert utterance.end - utterance.start == pytest.approx(0.48, abs=0.03)
        await microphone.say(np.zeros(2400, dtype=np.int16))
    assert {len(chunk) for chunk in chunks(gateway)[1:]} == {CHUNK_BYTES}
    assert {form for _, form in gateway.requested("send_audio")} == {"pcm16"}
    assert loud(gateway) == pytest.approx(0.5, abs=0.02)
    assert not gateway.requested("webrtc_offer")
    assert gateway.requested("disconnect_session") == [()]


async def test_the_voice_is_heard_when_it_would_be_played(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        speaker = Speaker()
        await client.call(Microphone(), speaker, "pcm")
        sent = time.monotonic()
        for _ in range(10):
            await gateway.emit("audio_response", wire(tone(0.02, RATE)))
        await client.wait_for("audio_response", since=0.0)
        onset = await speaker.wait_onset(sent, 2.0)
        assert onset is not None
        assert onset - sent < 0.15
        await speaker.wait_quiet(0.1, 2.0, since=sent)
        assert speaker.last_loud_before(time.monotonic()) == pytest.approx(onset + 0.18, abs=0.01)
        assert speaker.gaps(1.0) == []


async def test_what_was_not_played_when_the_answer_is_cut_was_not_heard(
    gateway: ScriptedGateway,
) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        speaker = Speaker()
        await client.call(Microphone(), speaker, "pcm")
        sent = time.monotonic()
        for _ in range(15):
            await gateway.emit("audio_response", wire(tone(0.02, RATE)))
        onset = await speaker.wait_onset(sent, 2.0)
        await gateway.emit("audio_interrupted", {"itemId": "a", "audioEndMs": 100})
        await client.wait_for("audio_interrupted", since=sent)
        cut = time.monotonic()
        await speaker.wait_quiet(0.35, 2.0, since=cut)
        last = speaker.last_loud_before(time.monotonic())
        assert onset is not None
        assert last is not None
        assert last <= cut < onset + 0.28
        await gateway.emit("audio_response", wire(tone(0.02, RATE)))
        assert await speaker.wait_onset(cut, 2.0) is not None


async def test_nothing_said_is_lost_while_the_connection_is(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone = Microphone()
        await client.call(microphone, Speaker(), "pcm")
        saying = asyncio.create_task(microphone.say(tone(1.0, RATE)))
        while loud(gateway) < 0.3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await gateway.drop_clients()
        with pytest.raises(ClientError):
            await client.wait_for("never")
        assert not client.connected
        assert not saying.done()
        await client.resume(within=5.0)
        await saying
        await microphone.say(np.zeros(4800, dtype=np.int16))
    assert gateway.requested("join_session")[1] == (
        {"userId": "guest", "sessionId": "session-1", "resumeToken": "resume-1"}
        | {"agentSet": "chat_supervisor"},
    )
    # A chunk whose acknowledgement was lost comes twice; none is missing.
    assert 0.99 <= loud(gateway) <= 1.05


async def test_a_line_told_again_is_kept_once(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        await gateway.emit("message", {"id": "1", "content": "Once upon a time"})
        await gateway.emit("message", {"id": "2", "content": "Stop"})
        await client.wait_for("message", lambda line: line["id"] == "2", since=0.0)
        await gateway.drop_clients()
        await client.resume(within=5.0)
        resumed = time.monotonic()
        await gateway.emit("message", {"id": "1", "content": "Once upon"})
        await gateway.emit("message", {"id": "2", "content": "Stop"})
        await client.wait_for("message", lambda line: line["id"] == "2", since=resumed)
        assert [line["content"] for line in client.messages] == ["Once upon", "Stop"]


async def test_what_cannot_be_resumed_is_told(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        await gateway.drop_clients()
        gateway.failures["join_session"] = ("session_expired", "there is no such session")
        with pytest.raises(ClientError) as caught:
            await client.resume(within=5.0)
        assert caught.value.code == "session_expired"
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ClientError) as caught:
                await client.resume(within=0.6)
        assert caught.value.code == "unreachable"


async def test_a_gateway_that_floods_or_lies_is_bounded() -> None:
    async def request(*event: object) -> dict[str, object]:
        return {}

    speaker = Speaker()
    call = PcmCall(request, asyncio.Event().wait, speaker, RATE)
    call.hear("no base64!")
    call.hear("AAA=")
    assert call.queued_ms < 1
    for _ in range(30):
        call.hear(wire(tone(1.0, RATE)))
    assert 9_000 < call.queued_ms < 12_000
    call.flush()
    assert call.queued_ms == 0
    await call.close()


async def test_a_chunk_that_may_not_have_arrived_is_sent_again() -> None:
    sent: list[bytes] = []
    enough = asyncio.Event()

    async def request(_event: str, chunk: bytes, _format: str) -> dict[str, object]:
        sent.append(chunk)
        if len(sent) == 3:
            raise ClientError("closed", "the connection is gone")
        if len(sent) == 6:
            enough.set()
        return {}

    online = asyncio.Event()
    online.set()
    call, microphone = PcmCall(request, online.wait, Speaker(), RATE), Microphone()
    call.start(microphone)
    saying = asyncio.create_task(microphone.say(tone(1.0, RATE, hertz=411.0)))
    async with asyncio.timeout(5):
        await enough.wait()
    microphone.stop()
    await call.close()
    await asyncio.wait([saying])
    assert isinstance(saying.exception(), ClientError)
    assert sent[2] == sent[3]
    assert len(set(sent[1:])) == len(sent[1:]) - 1
