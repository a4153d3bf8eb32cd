"""A client that comes back to another gateway than its session's: real gateways, a real Redis."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from client.python import Microphone
from client.python.peer import Peer
from gateway.core.ending import Ending
from gateway.session import Session
from signaling.app import Gateway
from signaling.cluster import away as away_module
from tests.client.tones import tone
from tests.gateways import running_gateway
from tests.redis_server import RedisServer, needs_redis, running_redis
from tests.signaling.callers import Caller, until
from tests.signaling.test_resume import session_of, until_nobody_listens
from tests.stand_in import StandIn

pytestmark = needs_redis


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_who_comes_back_elsewhere_is_told_in_order_what_was_missed(
    here: Gateway, there: Gateway, model: StandIn, transport: str
) -> None:
    async with Caller(here.url, transport) as caller:
        joined = await caller.join(userId="ann")
        await caller.reach_model()
        line = await model.line()
        await line.question("Told before.")
        await caller.wait("message")
    session = session_of(here, joined)
    await until_nobody_listens(session)
    for number in range(5):
        await line.question(f"Missed {number}.")
    await until(lambda: session._mailbox.backlog == 5 * 6)
    async with Caller(there.url, transport) as again:
        assert await again.resume(joined) == {"ok": True, **joined}
        await line.question("Told after.")
        await again.wait("message", lambda m: m["content"] == "Told after.")
        assert [m["content"] for m in again.of("message")] == [
            *(f"Missed {number}." for number in range(5)),
            "Told after.",
        ]
        assert again.of("session_status") == [
            {"status": "CONNECTED", "sessionId": joined["sessionId"], "userId": "ann"}
        ]
        # The one event with two arguments.
        await again.wait("transcript", lambda text: text == "Told after.")
        assert [each[1:] for each in again.events if each[0] == "transcript"][-1] == (
            "Told after.",
            "user",
        )
    await until_nobody_listens(session)
    assert not session.ended, "it waits for its client once more"


async def test_everything_that_a_client_may_ask_is_done_there(
    here: Gateway, there: Gateway, model: StandIn
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
        await caller.reach_model()
        line = await model.line()
    async with Caller(there.url) as again:
        await again.resume(joined)
        voice = tone(0.5, 24_000).tobytes()
        for audio in (voice, base64.b64encode(voice).decode()):
            sent = await again.ask("send_audio", audio, "pcm16")
            assert sent == {
                "ok": True,
                "format": "pcm16",
                "sampleRate": 24_000,
                "channels": 1,
                "durationMs": 500,
            }
        await line.wait_for_audio(24_000)
        assert (await again.ask("send_text", "Hello."))["ok"]
        assert (await again.ask("mute", True)) == {"ok": True}
        assert (await again.ask("interrupt")) == {"ok": True}
        for refused, code in (
            (("send_text", ""), "bad_request"),
            (("send_text", {"$part": 0}), "bad_request"),
            (("send_audio", b"\x1aE\xdf\xa3" + bytes(100), "webm"), "unsupported_format"),
            (("webrtc_offer", {"type": "offer", "sdp": "v=1"}), "negotiation_failed"),
            (("no_such_event", 1), "bad_request"),
        ):
            answer = await again.ask(*refused)
            assert answer["error"]["code"] == code, refused
            await again.wait("error", lambda told, said=answer: told == said["error"])
        await line.answer("A friend.", voice)
        await again.wait("message", lambda m: m["content"] == "A friend.")
        assert b"".join(map(base64.b64decode, again.of("audio_response"))) == voice
        assert (await again.ask("disconnect_session")) == {"ok": True}
        assert again.of("session_status")[-1]["status"] == "DISCONNECTED"
        assert (await again.ask("interrupt"))["error"]["code"] == "no_session"
        fresh = await again.join()
        assert fresh["sessionId"] != joined["sessionId"]
    assert here.sessions is not None
    await until(lambda: len(here.sessions or ()) == 0)


async def test_media_stay_where_the_session_is(
    here: Gateway, there: Gateway, model: StandIn
) -> None:
    microphone = Microphone()
    peer = Peer(microphone, [], "127.0.0.1")
    try:
        async with Caller(here.url) as caller:
            joined = await caller.join()
            await caller.reach_model()
            line = await model.line()
        async with Caller(there.url) as again:
            await again.resume(joined)
            offer, _ = await peer.offer()
            answer = await again.ask("webrtc_offer", {"type": "offer", "sdp": offer})
            assert answer["ok"], answer
            assert (await again.ask("ice_candidate", None)) == {"ok": True}
            await peer.accept(answer["sdp"])
            await peer.wait_connected(10.0)
            await microphone.say(tone(0.2, 24_000), 24_000)
            await line.wait_for_audio(4800)
            assert session_of(here, joined).legs.offered is not None
            stats = await again.wait("call_stats", lambda s: s["packetsReceived"] > 0)
            assert stats["bufferMs"] >= 0
    finally:
        microphone.stop()
        await peer.close()


@pytest.mark.parametrize("token", ["guess", "ключ"])
async def test_a_wrong_token_opens_nothing(here: Gateway, there: Gateway, token: str) -> None:
    async with Caller(here.url) as caller, Caller(there.url) as thief:
        joined = await caller.join()
        refused = await thief.resume({**joined, "resumeToken": token})
        assert refused["error"]["code"] == "session_expired"
        nobody = {**joined, "sessionId": joined["sessionId"][:-4] + "0000"}
        assert await thief.resume(nobody) == refused
        gone = {**joined, "sessionId": "sess_g0123456789ab_00"}
        assert await thief.resume(gone) == refused, "of a gateway that does not exist"
        assert (await thief.ask("interrupt"))["error"]["code"] == "no_session"
        assert (await caller.ask("interrupt")) == {"ok": True}
        assert there.cluster is not None
        assert here.cluster is not None
        assert not len(there.cluster.away)
        await until(lambda: not len(here.cluster.visitors))


async def test_a_second_connection_takes_the_session_over(here: Gateway, there: Gateway) -> None:
    async with Caller(here.url) as first, Caller(there.url) as second:
        joined = await first.join()
        assert (await second.resume(joined))["ok"]
        status = await first.wait("session_status", lambda told: told["status"] == "DISCONNECTED")
        assert status["reason"] == "another connection resumed the session"
        assert (await first.resume(joined))["ok"]
        await second.wait("session_status", lambda told: told["status"] == "DISCONNECTED")
        assert (await second.ask("interrupt"))["error"]["code"] == "no_session"
        assert (await first.ask("interrupt")) == {"ok": True}


async def test_who_goes_to_another_session_leaves_the_one_it_had(
    here: Gateway, there: Gateway
) -> None:
    async with Caller(here.url) as one, Caller(here.url) as two:
        first, second = await one.join(), await two.join()
    assert here.sessions is not None
    assert there.sessions is not None
    async with Caller(there.url) as caller:
        own = await caller.join()
        bad = await caller.resume({**first, "resumeToken": "guess"})
        assert bad["error"]["code"] == "session_expired"
        assert len(there.sessions) == 1, "a join that fails ends nothing"
        assert (await caller.resume(first))["ok"]
        ended = await caller.wait("session_status", lambda s: s["status"] == "DISCONNECTED")
        assert (ended["sessionId"], ended["reason"]) == (own["sessionId"], Ending.CHANGED)
        assert (await caller.resume(first))["ok"], "it has it already"
        assert len(there.sessions) == 0
        assert (await caller.resume(second))["ok"]
        await until(lambda: [each.id for each in here.sessions or ()] == [second["sessionId"]])
        fresh = await caller.join()
        await until(lambda: not len(here.sessions or ()))
        assert [each.id for each in there.sessions] == [fresh["sessionId"]]


async def missed(gateway: Gateway, model: StandIn, lines: int) -> tuple[dict[str, Any], Session]:
    """A session whose client is gone, and missed ``Missed 0.`` and so on."""
    async with Caller(gateway.url) as caller:
        joined = await caller.join()
        await caller.reach_model()
        line = await model.line()
    session = session_of(gateway, joined)
    await until_nobody_listens(session)
    for number in range(lines):
        await line.question(f"Missed {number}.")
    await until(lambda: session._mailbox.backlog == lines * 6)
    return joined, session


@pytest.mark.parametrize("has_another", [False, True])
async def test_a_resume_that_comes_too_late_loses_nothing(
    here: Gateway,
    there: Gateway,
    model: StandIn,
    redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    has_another: bool,
) -> None:
    joined, _ = await missed(here, model, 5)
    async with Caller(there.url) as again:
        own = await again.join() if has_another else None
        with redis.frozen(), monkeypatch.context() as hurried:
            hurried.setattr(away_module, "EVENT_TIMEOUT", 0.05)
            late = await again.resume(joined)
        assert late["error"]["code"] == "upstream_unavailable"
        assert (await again.ask("interrupt"))["ok"] is has_another, "it keeps what it has"
        # It is resumed now, for nobody: what it tells is lost.
        assert (await again.resume(joined))["ok"]
        await again.wait("message", lambda m: m["content"] == "Missed 4.")
        assert [m["content"] for m in again.of("message")] == [f"Missed {n}." for n in range(5)]
        if own is not None:
            ended = await again.wait("session_status", lambda s: s["status"] == "DISCONNECTED")
            assert (ended["sessionId"], ended["reason"]) == (own["sessionId"], Ending.CHANGED)


async def test_a_redis_that_is_lost_in_the_middle_of_a_resume_loses_nothing(
    model: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_redis() as redis:
        async with (
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
        ):
            assert here.cluster is not None
            assert there.cluster is not None
            links = here.cluster.link, there.cluster.link
            joined, session = await missed(here, model, 1)
            async with Caller(there.url) as again:
                # It is resumed, and has told what was missed; that never arrives.
                with monkeypatch.context() as patched:
                    patched.setattr(here.cluster.bus, "_reply", lambda *_: redis.stop())
                    resuming = asyncio.create_task(again.resume(joined))
                    await again.ended.wait()
                    resuming.cancel()
                    await asyncio.wait([resuming])
            await until_nobody_listens(session)
            redis.start()
            await until(lambda: all(link.is_up for link in links))
            async with Caller(there.url) as back:
                assert (await back.resume(joined))["ok"]
                await back.wait("message", lambda m: m["content"] == "Missed 0.")


async def test_who_cannot_go_on_to_a_third_gateway_keeps_what_it_has(
    here: Gateway, there: Gateway
) -> None:
    async with Caller(here.url) as caller:
        joined = await caller.join()
    async with Caller(there.url) as again:
        await again.resume(joined)
        gone = await again.resume({**joined, "sessionId": "sess_g0123456789ab_00"})
        assert gone["error"]["code"] == "session_expired"
        assert await again.ask("interrupt") == {"ok": True}


async def test_a_client_is_cut_when_its_session_s_gateway_is_gone(
    model: StandIn, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.cluster.lines.LOOK", 0.02)
    async with running_gateway(model.url, redis_url=redis.url) as there:
        async with running_gateway(model.url, redis_url=redis.url) as here:
            async with Caller(here.url) as caller:
                joined = await caller.join()
            again = Caller(there.url)
            await again.__aenter__()
            await again.resume(joined)
            # As if the process had died: nobody is told anything.
            assert here.cluster is not None
            await here.cluster.link.close()
            await again.ended.wait()
            await again.leave()
        async with Caller(there.url) as late:
            refused = await late.resume(joined)
            assert refused["error"]["code"] == "session_expired"


async def test_a_gateway_that_stops_says_so_and_lets_its_clients_be(
    model: StandIn, redis: RedisServer
) -> None:
    async with running_gateway(model.url, redis_url=redis.url) as there:
        async with running_gateway(model.url, redis_url=redis.url) as here:
            async with Caller(here.url) as caller:
                joined = await caller.join()
            again = Caller(there.url)
            await again.__aenter__()
            await again.resume(joined)
        try:
            ended = await again.wait("session_status", lambda s: s["status"] == "DISCONNECTED")
            assert ended["reason"] == Ending.SHUT_DOWN
            assert there.cluster is not None
            await until(lambda: not len(there.cluster.away))
            assert (await again.join())["sessionId"] != joined["sessionId"]
        finally:
            await again.leave()


async def test_without_redis_local_calls_go_on_and_others_come_back(model: StandIn) -> None:
    with running_redis() as redis:
        async with (
            running_gateway(model.url, redis_url=redis.url) as here,
            running_gateway(model.url, redis_url=redis.url) as there,
            Caller(there.url) as local,
        ):
            await local.join(userId="bob")
            await local.reach_model()
            async with Caller(here.url) as caller:
                joined = await caller.join(userId="ann")
            again = Caller(there.url)
            await again.__aenter__()
            await again.resume(joined)
            redis.stop()
            await again.ended.wait()
            await again.leave()
            line = await model.line()
            await line.question("Can you hear me?")
            await local.wait("message")
            assert (await local.ask("send_text", "Yes."))["ok"]
            async with Caller(there.url) as early:
                refused = await early.resume(joined)
                assert refused["error"]["code"] == "upstream_unavailable"
                assert (await early.join())["sessionId"], "new calls need no Redis"
            session = session_of(here, joined)
            await until_nobody_listens(session)
            redis.start()
            assert here.cluster is not None
            assert there.cluster is not None
            await until(lambda: here.cluster.link.is_up and there.cluster.link.is_up)
            async with Caller(there.url) as back:
                assert (await back.resume(joined))["ok"]
                await back.ask("send_text", "Back again.")
                await back.wait("message", lambda m: m["content"] == "Back again.")
