"""The Socket.IO door over real sockets: joining, asking, being told, leaving."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import socketio

from client.python import Microphone, Speaker
from client.python.peer import Peer
from signaling.app import Gateway
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.signaling.callers import Caller, Poll
from tests.stand_in import StandIn

IN_A_SESSION = [
    "webrtc_offer",
    "ice_candidate",
    "send_text",
    "send_audio",
    "commit_audio",
    "clear_audio",
    "send_dtmf",
    "interrupt",
    "mute",
    "update_session",
    "disconnect_session",
]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_client_joins_and_reaches_the_model(
    gateway: Gateway, model: StandIn, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        session = await caller.join(userId="ann", voice="cedar", instructions="Be brief.")
        assert session["userId"] == "ann"
        assert session["agentSet"] == "chat_supervisor"
        assert session["iceServers"] == []
        assert session["sessionId"].startswith("sess_")
        assert len(session["resumeToken"]) >= 32
        await caller.reach_model()
        update = await (await model.line()).wait_for("session.update")
    assert update["session"]["audio"]["output"]["voice"] == "cedar"
    assert update["session"]["instructions"] == "Be brief."
    told = {"sessionId": session["sessionId"], "userId": "ann"}
    assert caller.of("session_status") == [
        {"status": "CONNECTING", **told},
        {"status": "CONNECTED", **told},
    ]


async def test_a_guest_gets_a_name(gateway: Gateway) -> None:
    async with Caller(gateway.url) as ann, Caller(gateway.url) as bob:
        first, second = await ann.join(), await bob.join()
    assert first["userId"].startswith("guest-")
    assert first["userId"] != second["userId"]
    assert first["resumeToken"] != second["resumeToken"]


async def test_every_event_before_join_session_is_refused(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        for count, event in enumerate(IN_A_SESSION, 1):
            answer = await caller.ask(event)
            assert not answer["ok"]
            assert answer["error"]["code"] == "no_session", event
            assert await caller.wait("error", count=count) == answer["error"]
        await caller.join()
        assert (await caller.ask("interrupt")) == {"ok": True}


async def test_an_unknown_event_is_refused_by_name(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        for event in ("make_coffee", "message", "Join_Session", "send_dtmf " * 100):
            answer = await caller.ask(event, {"sugar": 2})
            assert answer["error"]["code"] == "bad_request"
            assert event[:60] in answer["error"]["message"]
        assert (await caller.ask("interrupt")) == {"ok": True}


async def test_an_agent_set_that_does_not_exist_is_refused(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        answer = await caller.ask("join_session", {"agentSet": "choir"})
        assert answer["error"]["code"] == "bad_request"
        assert "chat_supervisor" in answer["error"]["message"]
        await caller.join(agentSet="chat_supervisor")
        answer = await caller.ask("update_session", {"agentSet": "choir"})
        assert answer["error"]["code"] == "bad_request"


async def test_text_becomes_a_turn_and_its_answer_a_message(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        answer = await caller.ask("send_text", "Good morning.")
        assert answer["ok"]
        item = (await line.wait_for("conversation.item.create"))["item"]
        assert item["id"] == answer["itemId"]
        assert item["content"] == [{"type": "input_text", "text": "Good morning."}]
        await line.wait_for("response.create")
        spoken = await line.answer("Good morning to you.", b"\1\0" * 2400)

        message = await caller.wait("message", lambda m: m["role"] == "assistant")
        assert message["id"] == spoken
        assert message["content"] == "Good morning to you."
        assert message["timestamp"] > 1_700_000_000_000
        deltas = caller.of("transcript_delta")
        assert deltas == [{"itemId": spoken, "role": "assistant", "delta": "Good morning to you."}]
        response = await caller.wait("agent_response")
        assert response["agent"] == "chatAgent"
        await caller.wait("realtime_event", lambda event: event["type"] == "response.done")
    lines = [event[1:] for event in caller.events if event[0] == "transcript"]
    assert lines == [("Good morning.", "user"), ("Good morning to you.", "assistant")]
    kinds = [event["type"] for event in caller.of("realtime_event")]
    assert kinds[:2] == ["session.created", "session.updated"]
    assert "response.output_audio.delta" not in kinds


async def test_keys_reach_the_model_together(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        for keys in ("1", "2*", "#", "A"):
            assert await caller.ask("send_dtmf", keys) == {"ok": True}
        line = await model.line()
        item = (await line.wait_for("conversation.item.create"))["item"]
        assert item["content"][0]["text"] == "[the caller pressed 12*#]"
        # What was pressed last is told even if the call ends before the entry is complete.
        assert await caller.ask("disconnect_session") == {"ok": True}
        assert [(m["type"], m["data"]["dtmf"]) for m in caller.of("message")] == [
            *(("system", "12*#"), ("system", "A")),
        ]


async def test_settings_change_in_mid_session(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join(language="ko")
        await caller.reach_model()
        line = await model.line()
        await caller.ask("update_session", {"voice": "ash", "turnDetection": None})
        session = (await line.wait_for("session.update", count=2))["session"]
        assert session["audio"]["output"]["voice"] == "ash"
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["transcription"]["language"] == "ko"


async def test_a_muted_microphone_takes_no_turns(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        for _ in range(2):
            assert await caller.ask("mute", True) == {"ok": True}
        assert await caller.ask("mute", False) == {"ok": True}
        await line.wait_for("session.update", count=3)
        kinds = [event["type"] for event in line.received]
        assert kinds == [
            *("session.update", "input_audio_buffer.clear", "session.update"),
            *("input_audio_buffer.clear", "session.update"),
        ]
        detections = [
            event["session"]["audio"]["input"]["turn_detection"]
            for event in line.received
            if event["type"] == "session.update"
        ]
        assert [detection is None for detection in detections] == [False, True, False]


async def test_push_to_talk_commits_and_asks_for_an_answer(
    gateway: Gateway, model: StandIn
) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        line = await model.line()
        assert await caller.ask("clear_audio") == {"ok": True}
        assert await caller.ask("commit_audio") == {"ok": True}
        await line.wait_for("response.create")
        assert [event["type"] for event in line.received] == [
            *("session.update", "input_audio_buffer.clear"),
            *("input_audio_buffer.commit", "response.create"),
        ]


async def test_leaving_tells_the_last_words_then_the_end(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as caller:
        session = await caller.join(userId="ann")
        await caller.reach_model()
        line = await model.line()
        await line.send("response.created", response={"id": "r", "status": "in_progress"})
        item = {"id": "half", "type": "message", "role": "assistant", "content": []}
        await line.send("response.output_item.added", response_id="r", item=item)
        await line.send(
            *("response.output_text.delta",), response_id="r", item_id="half", delta="To be or"
        )
        await caller.wait("transcript_delta")
        assert await caller.ask("disconnect_session") == {"ok": True}
        # All of it had been told before the leave was acknowledged.
        *_, message, transcript, response, status = caller.events
        assert (message[0], transcript[0], response[0]) == (
            "message",
            "transcript",
            "agent_response",
        )
        assert message[1]["content"] == "To be or"
        assert status == (
            "session_status",
            {
                "status": "DISCONNECTED",
                "sessionId": session["sessionId"],
                "userId": "ann",
                "reason": "the client left",
            },
        )
        again = await caller.ask("disconnect_session")
        assert again["error"]["code"] == "no_session"
        await caller.join()
        assert len(gateway.sessions or ()) == 1


async def test_a_second_join_ends_the_first_session(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        first = await caller.join()
        second = await caller.join()
        assert first["sessionId"] != second["sessionId"]
        ended = await caller.wait("session_status", lambda s: s["status"] == "DISCONNECTED")
        assert ended["sessionId"] == first["sessionId"]
        assert ended["reason"] == "the client joined another session"
        assert len(gateway.sessions or ()) == 1
        assert (await caller.resume(first))["error"]["code"] == "session_expired"
        assert (await caller.ask("send_text", "Still here."))["ok"]


async def test_a_join_that_cannot_succeed_leaves_the_session_alone(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        session = await caller.join()
        for wishes in (
            {"agentSet": "choir"},
            {"language": "?"},
            {"sessionId": "sess_1", "resumeToken": "guess"},
        ):
            assert not (await caller.ask("join_session", wishes))["ok"]
        assert (await caller.ask("send_text", "Still here."))["ok"]
        assert not [s for s in caller.of("session_status") if s["status"] == "DISCONNECTED"]
        assert (await caller.resume(session))["ok"], "joining one's own session changes nothing"
        assert len(gateway.sessions or ()) == 1


async def test_one_user_may_call_twice_at_once(gateway: Gateway, model: StandIn) -> None:
    async with Caller(gateway.url) as desk, Caller(gateway.url, "polling") as couch:
        first, second = await desk.join(userId="ann"), await couch.join(userId="ann")
        assert first["sessionId"] != second["sessionId"]
        await desk.reach_model()
        await couch.reach_model()
        await desk.ask("send_text", "from the desk")
        await couch.ask("send_text", "from the couch")
        await desk.ask("disconnect_session")
        assert (await couch.ask("send_text", "still on the couch"))["ok"]
        await couch.wait("message", count=2)
    assert [m["content"] for m in desk.of("message")] == ["from the desk"]
    assert [m["content"] for m in couch.of("message")] == ["from the couch", "still on the couch"]


async def test_beyond_max_sessions_there_is_no_capacity(model: StandIn) -> None:
    async with (
        running_gateway(model.url, max_sessions=1) as gateway,
        Caller(gateway.url) as ann,
        Caller(gateway.url) as bob,
    ):
        await ann.join()
        refused = await bob.ask("join_session", {})
        assert refused["error"]["code"] == "capacity"
        await ann.join()
        assert not (await bob.ask("join_session", {}))["ok"], "a rejoin takes no second place"
        await ann.ask("disconnect_session")
        await bob.join()


async def test_candidates_may_come_before_the_offer(gateway: Gateway, model: StandIn) -> None:
    microphone, speaker = Microphone(), Speaker()
    peer = Peer(microphone, [], "127.0.0.1")
    offer, candidates = await peer.offer()
    try:
        async with Caller(gateway.url) as caller:
            await caller.join()
            for candidate in candidates:
                assert await caller.ask("ice_candidate", candidate) == {"ok": True}
            answer = await caller.ask("webrtc_offer", {"type": "offer", "sdp": offer})
            assert answer["type"] == "answer"
            await peer.accept(answer["sdp"])
            for end in (None, {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}, {}):
                assert await caller.ask("ice_candidate", end) == {"ok": True}
            await peer.wait_connected(10.0)
            await caller.wait("webrtc_state", lambda s: s["connection"] == "connected")
            states = [(s["connection"], s["ice"]) for s in caller.of("webrtc_state")]
            assert states == [("connecting", "checking"), ("connected", "connected")]
            assert peer.remote_track is not None
            listening = asyncio.create_task(speaker.consume(peer.remote_track))
            await (await model.line()).answer("Hello.", tone(0.2, 24_000).tobytes())
            assert await speaker.wait_onset(0.0, 5.0) is not None
    finally:
        microphone.stop()
        await peer.close()
    await listening


async def test_an_offer_that_cannot_be_answered_is_refused(gateway: Gateway) -> None:
    async with Caller(gateway.url) as caller:
        await caller.join()
        answer = await caller.ask("webrtc_offer", {"type": "offer", "sdp": "v=0\r\ns=-\r\n"})
        assert answer["error"]["code"] == "negotiation_failed"
        assert not caller.of("webrtc_state")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_events_are_handled_in_the_order_sent(
    gateway: Gateway, model: StandIn, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        await caller.join()
        await caller.reach_model()
        texts = [f"line {number}" for number in range(20)]
        async with asyncio.TaskGroup() as tasks:
            for text in texts:
                tasks.create_task(caller.ask("send_text", text))
        line = await model.line()
        await line.wait_for("conversation.item.create", count=20)
        said = [
            event["item"]["content"][0]["text"]
            for event in line.received
            if event["type"] == "conversation.item.create"
        ]
        assert said == texts


async def test_a_polling_client_cannot_overtake_itself(gateway: Gateway) -> None:
    async with aiohttp.ClientSession() as http:
        client = Poll(http, gateway.url)
        await client.connect()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):  # each join waits for the end of the session before it
                tasks.create_task(client.send('42["join_session",{}]'))
        assert gateway.sessions is not None
        assert len(gateway.sessions) == 1
        await client.send('42["disconnect_session"]')
        assert len(gateway.sessions) == 0
        await client.send("41", "1")


async def test_pages_of_other_origins_may_not_connect(model: StandIn) -> None:
    good = "https://talk.example"
    async with running_gateway(model.url, allowed_origins=(good,)) as gateway:
        for origin in (good, gateway.url):
            async with Caller(gateway.url, Origin=origin) as caller:
                await caller.join()
        for transport in ("websocket", "polling"):
            stranger = Caller(gateway.url, transport, Origin="https://evil.example")
            with pytest.raises(socketio.exceptions.ConnectionError):
                await stranger.__aenter__()
            await stranger.leave()
