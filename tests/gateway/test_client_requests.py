from __future__ import annotations

from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from gateway.core.control import ALL_RIGHTS, Control
from tests.calling_model import CallingModel
from tests.gateway.protocol_client import ProtocolClient, user_message
from tests.gateways import live_sessions
from tests.stand_in import Event, Line, StandIn

PCM = b"\1\0" * 24_000
FREE: dict[str, Any] = {"ends_with_leg": True, "control": Control.PASS_THROUGH}
WEATHER = {"type": "function", "name": "weather", "description": "w", "parameters": {}}


def truncation(item_id: str, ms: int) -> dict[str, Any]:
    return {"item_id": item_id, "content_index": 0, "audio_end_ms": ms}


async def test_a_client_runs_its_own_tools_across_connections() -> None:
    async with CallingModel() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        line = await model.calling_line()
        await client.send("session.update", session={"type": "realtime", "tools": [WEATHER]})
        await client.wait("session.updated")
        (call_id,) = await line.call_tools(("weather", {"city": "Seoul"}))
        call = await client.wait("response.function_call_arguments.done")
        assert call["call_id"] == call_id
        await client.wait("response.done")
        output = {"type": "function_call_output", "call_id": call_id, "output": "rain"}
        await client.send("conversation.item.create", item={**output, "id": "item_out"})
        await client.send("response.create")
        await line.wait_for("response.create")
        assert line.outputs() == [(call_id, "rain")]
        assert line.sent_kinds()[-2:] == ["function_call_output", "response.create"]
        await client.wait("conversation.item.added", 2)
        await line.socket.close()
        again = await model.calling_line(1)
        await again.wait_for("response.create")
        assert again.outputs() == [(call_id, "rain")], "the answer is owed there"
        assert model.faults == []


async def test_one_response_too_many_is_the_models_to_refuse() -> None:
    async with CallingModel() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        line = await model.calling_line()
        await client.wait("session.created")
        await line.answer("Long", PCM, finish=False)
        await client.wait("response.created")
        await client.send("response.create", event_id="mine")
        error = (await client.wait("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "mine"
        assert len([e for e in line.received if e["type"] == "response.create"]) == 1


async def test_beside_agents_a_response_waits_its_turn() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", ends_with_leg=True))
        line = await model.line()
        await client.wait("session.created")
        await line.answer("Long", PCM, finish=False)
        await client.wait("response.created")
        await client.send("conversation.item.create", item=user_message("Hello."))
        await client.send("response.create")
        await line.wait_for("conversation.item.create")
        running = client.of("response.created")[0]["response"]["id"]
        assert not [e for e in line.received if e["type"] == "response.create"]
        await line.send("response.done", response={"id": running, "status": "completed"})
        await line.wait_for("response.create")
        assert not client.errors()


async def spoken(line: Line, client: ProtocolClient, *, finish: bool) -> str:
    item_id = await line.answer("One two three four.", PCM, finish=finish)
    await client.wait("response.done" if finish else "response.output_audio.delta", 1)
    return item_id


@pytest.mark.parametrize(
    ("finished", "asked", "sent"), [(False, 400, 400), (False, 9_000, 1_000), (True, 400, 400)]
)
async def test_a_cut_is_at_no_more_than_was_sent(finished: bool, asked: int, sent: int) -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        line = await model.line()
        await client.wait("session.created")
        item_id = await spoken(line, client, finish=finished)
        await client.wait("response.output_audio.delta", 5)
        await client.send("conversation.item.truncate", **truncation(item_id, asked))
        event = await line.wait_for("conversation.item.truncate")
        assert event["audio_end_ms"] == sent
        await client.send("conversation.item.truncate", **truncation(item_id, sent + 100))
        again = await client.wait("conversation.item.truncated")
        assert again["audio_end_ms"] == sent, "there is no more of it"


async def test_what_was_heard_whole_stays_and_what_was_not_heard_goes() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        line = await model.line()
        await client.wait("session.created")
        item_id = await spoken(line, client, finish=True)
        await client.send("conversation.item.truncate", **truncation(item_id, 9_000))
        truncated = await client.wait("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 1_000
        assert not [e for e in line.received if e["type"].startswith("conversation")]
        await client.send("conversation.item.truncate", **truncation(item_id, 0))
        deletion = await line.wait_for("conversation.item.delete")
        await line.send("conversation.item.deleted", item_id=deletion["item_id"])
        truncated = await client.wait("conversation.item.truncated", 2)
        assert truncated["audio_end_ms"] == 0
        await client.send("conversation.item.retrieve", item_id=item_id)
        retrieved = await client.wait("conversation.item.retrieved")
        assert retrieved["item"]["content"] == [{"type": "output_audio", "transcript": ""}]
        await client.send("conversation.item.truncate", **truncation(item_id, 0))
        await client.wait("conversation.item.truncated", 3)
        assert not client.errors()


async def test_an_aside_is_nobodys_turn() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", **FREE)
        client = ProtocolClient(session)
        line = await model.line()
        await client.wait("session.created")
        await client.send("response.create", response={"conversation": "none"})
        await line.wait_for("response.create")
        aside = {"id": "resp_aside", "status": "in_progress", "conversation_id": None}
        await line.send("response.created", response=aside)
        await client.wait("response.created")
        await client.send("response.create")
        await line.wait_for("response.create", count=2)
        await line.send("response.done", response={**aside, "status": "completed", "output": []})
        await client.wait("response.done")
        assert not client.errors()


class PickyLine(Line):
    """Takes no voice detection with a threshold of 9."""

    async def respond(self, event: Event) -> None:
        detection = event.get("session", {}).get("audio", {}).get("input", {})
        if (detection.get("turn_detection") or {}).get("threshold") == 9:
            error = {"type": "invalid_request_error", "code": "invalid_value", "message": "No."}
            await self.send("error", error={**error, "event_id": event["event_id"]})
        else:
            await super().respond(event)


class PickyModel(StandIn):
    def new_line(self, socket: ServerConnection) -> Line:
        return PickyLine(socket)


async def test_a_session_that_the_model_refuses_is_taken_back() -> None:
    async with PickyModel() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", ends_with_leg=True)
        client = ProtocolClient(session, ALL_RIGHTS)
        await client.wait("session.created")
        before = session.settings.turn_detection
        audio = {"input": {"turn_detection": {"type": "server_vad", "threshold": 9}}}
        await client.send("session.update", event_id="mine", session={"audio": audio})
        error = (await client.wait("error"))["error"]
        assert (error["code"], error["event_id"]) == ("invalid_value", "mine")
        assert session.settings.turn_detection == before
        line = await model.line()
        asked = await line.wait_for("session.update", count=3)
        assert asked["session"]["audio"]["input"]["turn_detection"] == before


async def test_audio_goes_before_what_follows_it() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        client = ProtocolClient(sessions.open("ann", **FREE))
        line = await model.line()
        await client.wait("session.created")
        await client.send("input_audio_buffer.append", audio="AAAA" * 12_000)
        await client.send("input_audio_buffer.commit", event_id="mine")
        await client.send("response.create")
        await line.wait_for("response.create")
        assert len(line.audio) == 36_000
        assert [e["type"] for e in line.received[-2:]] == [
            "input_audio_buffer.commit",
            "response.create",
        ]
        await client.send("input_audio_buffer.clear")
        await line.wait_for("input_audio_buffer.clear")
