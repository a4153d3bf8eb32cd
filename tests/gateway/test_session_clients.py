from __future__ import annotations

import asyncio
import base64
from typing import Any

from gateway.core.control import ALL_RIGHTS, Control
from gateway.core.ending import Ending
from gateway.session_clients import MAX_HELD
from tests.gateway.protocol_client import ProtocolClient, user_message
from tests.gateways import live_sessions
from tests.listening_model import ListeningModel
from tests.stand_in import StandIn

PCM = b"\1\0" * 4_800
FREE: dict[str, Any] = {"ends_with_leg": True, "control": Control.PASS_THROUGH}


async def test_the_session_is_told_of_first_and_once() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        client = ProtocolClient(session)
        await client.send("session.update", session={"type": "realtime", "instructions": "a"})
        await client.wait("session.updated")
        late = ProtocolClient(session, ALL_RIGHTS)
        await late.wait("session.created")
        assert client.kinds == ["session.created", "session.updated"]
        assert late.kinds == ["session.created"]
        assert late.events[0]["session"]["instructions"] == "a"
        assert late.events[0]["session"]["id"] == session.id
        client.check()


async def test_answers_come_as_they_are_sent() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        client, other = ProtocolClient(session), ProtocolClient(session, ALL_RIGHTS)
        line = await model.line()
        await client.wait("session.created")
        await line.answer("Hello.", PCM)
        await client.wait("response.done")
        heard = b"".join(
            base64.b64decode(e["delta"]) for e in client.of("response.output_audio.delta")
        )
        assert heard == PCM
        assert not other.of("response.output_audio.delta")
        rest = [e for e in client.events if e["type"] != "response.output_audio.delta"]
        assert other.events[1:] == rest[1:]


async def test_a_lost_connection_ends_what_ran_and_repeats_nothing() -> None:
    async with ListeningModel() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        client = ProtocolClient(session)
        line = await model.line()
        await client.send("session.update", session={"type": "realtime", "instructions": "a"})
        await client.wait("session.updated")
        await client.wait("session.created")
        item = {"id": "item_mine", **user_message("Hello.")}
        await line.send("conversation.item.added", item=item, previous_item_id=None)
        await line.answer("Half", PCM, finish=False)
        await client.wait("response.output_audio.delta")
        await line.socket.close()
        await client.send("session.update", session={"type": "realtime", "instructions": "b"})
        done = await client.wait("response.done")
        assert done["response"]["status"] == "failed"
        again = await model.line(1)
        told = await again.wait_for("session.update")
        assert told["session"]["instructions"] == "a"
        told = await again.wait_for("session.update", count=2)
        assert told["session"] == {"type": "realtime", "instructions": "b"}
        updated = await client.wait("session.updated", 2)
        assert updated["session"].get("instructions") == "b"
        await again.send("conversation.item.added", item=item, previous_item_id=None)
        await again.send("rate_limits.updated", rate_limits=[])
        await client.wait("rate_limits.updated")
        assert client.kinds.count("session.created") == 1
        told_of = [event["item"]["id"] for event in client.of("conversation.item.added")]
        assert len(told_of) == len(set(told_of))


async def test_what_waits_for_the_model_is_bounded() -> None:
    async with StandIn(refuse=503) as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        for _ in range(MAX_HELD + 1):
            await client.send("response.create")
        (error,) = client.errors()
        assert error["code"] == "rate_limit_exceeded"


async def test_errors_go_to_whom_they_are_for() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        one, two = ProtocolClient(session), ProtocolClient(session, ALL_RIGHTS)
        line = await model.line()
        await one.wait("session.created")
        await one.send("conversation.item.retrieve", event_id="mine", item_id="none")
        asked = await line.wait_for("conversation.item.retrieve")
        error = {"type": "invalid_request_error", "message": "No.", "code": "none", "param": None}
        await line.send("error", error={**error, "event_id": asked["event_id"]})
        await line.send("error", error={**error, "event_id": "talkpath_cut_1"})
        await line.send("error", error=error)
        await two.wait("error")
        await one.wait("error", 2)
        assert [e.get("event_id") for e in one.errors()] == ["mine", None]
        assert len(two.errors()) == 1


async def test_clients_are_told_the_end() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        client, gone = ProtocolClient(session), ProtocolClient(session, ALL_RIGHTS)
        await client.wait("session.created")
        session.clients.detach(gone.line)
        session.clients.detach(gone.line)
        await sessions.end(session, Ending.HUNG_UP)
        async with asyncio.timeout(5):
            assert await client.ended() == Ending.HUNG_UP
        assert gone.closed is None
