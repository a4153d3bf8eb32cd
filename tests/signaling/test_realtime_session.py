from __future__ import annotations

import pytest

from gateway.core.control import ALL_RIGHTS
from gateway.core.events import GatewayError
from signaling.keys import KeySession
from signaling.realtime_session import open_session, rights_of
from tests.gateways import live_sessions
from tests.stand_in import StandIn


async def test_a_session_object_counts_as_far_as_the_client_may() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        asked = {"instructions": "Be a pirate.", "audio": {"output": {"voice": "cedar"}}}
        session = open_session(sessions, "ann", KeySession(instructions="Be kind."), asked)
        assert session.settings.instructions == "Be kind."
        assert session.settings.voice == "cedar"


async def test_one_that_cannot_be_used_opens_nothing() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        with pytest.raises(GatewayError):
            open_session(sessions, "ann", KeySession(), {"audio": 1})
        with pytest.raises(GatewayError):
            open_session(sessions, "ann", KeySession(), {}, "x" * 257)
        await sessions.drain(0)
        assert len(sessions) == 0


async def test_servers_may_change_everything() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        assert rights_of(sessions) == frozenset()
        assert rights_of(sessions, trusted=True) == ALL_RIGHTS
