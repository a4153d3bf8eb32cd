from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gateway.session_channel import DataChannelClient
from tests.gateways import live_sessions
from tests.stand_in import StandIn


async def test_a_caller_that_connects_anew_opens_another_channel() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session = sessions.open("ann", ends_with_leg=True)
        sent: list[str] = []
        leg: Any = SimpleNamespace(send_data=sent.append)
        channel = DataChannelClient(session.clients, lambda: leg)
        channel.receive('{"type": "response.create"}')  # Of a channel that never opened.
        await model.line()
        await session.clients.ready()
        for count in (1, 2):
            channel.open()
            assert [message.count("session.created") for message in sent] == [1] * count
        channel.receive("{")
        assert len(sent) == 3
        leg = None
        channel.receive("{")
        assert len(sent) == 3
