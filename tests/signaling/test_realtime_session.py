from __future__ import annotations

import pytest

from gateway.core.control import ALL_RIGHTS, Control
from gateway.core.events import GatewayError
from signaling.caller import Caller
from signaling.keys import Grant
from signaling.realtime_session import open_session, rights_of
from signaling.session_config import SessionConfig
from tests.gateways import live_sessions
from tests.stand_in import StandIn

TOOL = {"type": "function", "name": "weather"}


def caller_with(config: SessionConfig) -> Caller:
    return Caller(grant=Grant(config))


async def test_a_session_object_counts_as_far_as_the_client_may() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        asked = {"instructions": "Be a pirate.", "audio": {"output": {"voice": "cedar"}}}
        granted = SessionConfig.parse({"instructions": "Be kind.", "tools": [TOOL]})
        session = open_session(sessions, "ann", caller_with(granted), asked)
        assert session.settings.client_tools == (TOOL,)
        assert session.settings.instructions == "Be kind."
        assert session.settings.voice == "cedar"


async def test_who_runs_the_session_is_the_keys_to_say() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        granted = SessionConfig.parse({"control": "passthrough", "instructions": "Be kind."})
        free = open_session(sessions, "ann", caller_with(granted), {"tools": [TOOL]})
        asked = (await (await model.line()).wait_for("session.update"))["session"]
        assert free.settings.control is Control.PASS_THROUGH
        assert (asked["instructions"], asked["tools"]) == ("Be kind.", [TOOL])
        bound = open_session(sessions, "ann", Caller(), {"control": "passthrough"})
        assert bound.settings.control is Control.AGENTS


async def test_one_that_cannot_be_used_opens_nothing() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        with pytest.raises(GatewayError):
            open_session(sessions, "ann", Caller(), {"audio": 1})
        with pytest.raises(GatewayError):
            open_session(sessions, "ann", Caller(), {}, "x" * 257)
        await sessions.drain(0)
        assert len(sessions) == 0


async def test_servers_may_change_everything() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        assert rights_of(sessions) == frozenset()
        assert rights_of(sessions, trusted=True) == ALL_RIGHTS
