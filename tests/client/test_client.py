"""One caller against a real, if scripted, gateway."""

import asyncio
import time

import psutil
import pytest

from client.python import ClientError, Microphone, Speaker, TalkpathClient
from tests.client.scripted import ScriptedGateway
from tests.client.tones import tone

PCM = tone(0.5, 24_000)


async def test_join_sends_the_wishes_and_keeps_the_answer(gateway: ScriptedGateway) -> None:
    gateway.ice_servers = [{"urls": "stun:127.0.0.1:1"}]
    async with TalkpathClient(
        gateway.url, user_id="ann", agent_set="sales", token="secret", voice="marin"
    ) as client:
        await client.connect()
        assert client.connected
        assert (client.session_id, client.resume_token) == ("session-1", "resume-1")
        assert (client.user_id, client.agent_set) == ("ann", "sales")
        assert client.ice_servers == gateway.ice_servers
    assert gateway.auth == [{"token": "secret"}]
    assert gateway.requested("join_session") == [
        ({"userId": "ann", "agentSet": "sales", "voice": "marin"},)
    ]
    assert gateway.requested("disconnect_session") == [()]


async def test_a_session_is_resumed_by_its_token(gateway: ScriptedGateway) -> None:
    first = TalkpathClient(gateway.url)
    await first.connect()
    await first.close()
    assert gateway.requested("disconnect_session") == []
    async with TalkpathClient(
        gateway.url, session_id=first.session_id, resume_token=first.resume_token
    ) as second:
        await second.connect()
    assert gateway.requested("join_session")[1] == (
        {"sessionId": "session-1", "resumeToken": "resume-1"},
    )


async def test_requests_reach_the_gateway_by_the_contracts_names(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        await client.send_text("hello")
        await client.send_audio(b"\x00\x01", "pcm16")
        await client.commit_audio()
        await client.clear_audio()
        await client.send_dtmf("12#")
        await client.interrupt()
        await client.mute()
        await client.mute(False)
        await client.update_session(voice="cedar")
        await client.emit("anything", 1, None)
    assert gateway.requests[1:-1] == [
        ("send_text", "hello"),
        ("send_audio", b"\x00\x01", "pcm16"),
        ("commit_audio",),
        ("clear_audio",),
        ("send_dtmf", "12#"),
        ("interrupt",),
        ("mute", True),
        ("mute", False),
        ("update_session", {"voice": "cedar"}),
        ("anything", 1, None),
    ]


async def test_messages_are_kept_and_events_can_be_awaited(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        started = time.monotonic()
        seen: list[str] = []
        client.on("transcript", lambda text, role: seen.append(f"{role}: {text}"))
        reader = client.events
        await gateway.emit("transcript", "hi", "user")
        await gateway.emit("message", {"id": "1", "content": "hi"})
        await client.wait_for("message", lambda message: message["id"] == "1", since=started)
        assert seen == ["user: hi"]
        assert list(client.messages) == [{"id": "1", "content": "hi"}]
        assert [(await anext(reader)).name for _ in range(2)] == ["transcript", "message"]


async def test_a_call_carries_speech_there_and_an_answer_back(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone, speaker = Microphone(), Speaker()
        await client.call(microphone, speaker)
        assert client.media_state == "connected"
        utterance = await microphone.say(PCM)
        heard_there = await gateway.listener.wait_onset(utterance.start - 0.05, 2.0)
        assert heard_there is not None
        assert heard_there - utterance.start < 0.1

        onset = await speaker.wait_onset(utterance.end, 5.0)
        assert onset is not None
        await client.wait_for(
            "realtime_event", lambda e: e["type"] == "response.done", since=utterance.end
        )
        assert 0.0 <= onset - gateway.answer_starts[0] < 0.06
        stats = await client.stats()
        assert stats.received >= 14
        assert (stats.lost, stats.late) == (0, 0)
    assert client.media_state == "closed"


async def test_media_stays_on_loopback(gateway: ScriptedGateway) -> None:
    process = psutil.Process()
    before = {c.laddr for c in process.net_connections("udp")}
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        await client.call(Microphone(), Speaker())
        opened = {c.laddr for c in process.net_connections("udp")} - before
        assert {address.ip for address in opened} == {"127.0.0.1"}
    candidates = [args[0] for args in gateway.requested("ice_candidate")]
    assert candidates.pop() is None
    assert candidates
    assert all(" 127.0.0.1 " in candidate["candidate"] for candidate in candidates)


@pytest.mark.parametrize("event", ["join_session", "webrtc_offer", "ice_candidate"])
async def test_a_refusal_is_raised_with_its_code(gateway: ScriptedGateway, event: str) -> None:
    gateway.failures[event] = ("capacity", "full")

    async def place() -> None:
        async with TalkpathClient(gateway.url) as client:
            await client.connect()
            await client.call(Microphone(), Speaker())

    with pytest.raises(ClientError) as caught:
        await place()
    assert (caught.value.code, caught.value.message) == ("capacity", "full")


async def test_a_failed_call_is_the_clients_only_one(gateway: ScriptedGateway) -> None:
    gateway.failures["webrtc_offer"] = ("negotiation_failed", "no")
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone = Microphone()
        with pytest.raises(ClientError, match="no"):
            await client.call(microphone, Speaker())
        with pytest.raises(ClientError, match="has a call already"):
            await client.call(microphone, Speaker())
    with pytest.raises(ClientError, match="stopped"):
        await microphone.say(PCM)


async def test_an_unusable_ice_server_is_an_error(gateway: ScriptedGateway) -> None:
    gateway.ice_servers = [{"urls": "http://127.0.0.1"}]
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        with pytest.raises(ClientError, match="unusable ICE server"):
            await client.call(Microphone(), Speaker())


async def test_when_the_gateway_ends_the_connection_everything_ends(
    gateway: ScriptedGateway,
) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone = Microphone()
        await client.call(microphone, Speaker())
        events = client.events
        await gateway.drop_clients()
        assert [event.name async for event in events] == []
        assert not client.connected
        with pytest.raises(ClientError) as caught:
            await client.send_text("anyone?")
        assert caught.value.code == "closed"


async def test_leaving_while_speaking_ends_the_utterance(gateway: ScriptedGateway) -> None:
    async with TalkpathClient(gateway.url) as client:
        await client.connect()
        microphone = Microphone()
        await client.call(microphone, Speaker())
        saying = asyncio.create_task(microphone.say(tone(30.0, 24_000)))
        await gateway.listener.wait_onset(0.0, 5.0)
    with pytest.raises(ClientError) as caught:
        await saying
    assert caught.value.code == "closed"
