"""Queues of a session that is stuck: it counts what waits in each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.core.events import Status
from gateway.session_depths import QUEUES
from tests.gateways import begin, live_sessions
from tests.stand_in import StandIn

SOURCE = Path(__file__).parents[2] / "gateway"


async def test_a_queue_counts_what_waits() -> None:
    async with StandIn() as model, live_sessions(model.url) as sessions:
        session, ear = begin(sessions)
        await ear.status(Status.CONNECTED)
        assert {name: queue.depth(session) for name, queue in QUEUES.items()} == dict.fromkeys(
            QUEUES, 0
        )
        session.detach(certain=True)
        session.say("Hello?")
        session.say("Are you there?")
        assert QUEUES["mailbox_events"].depth(session) > 0
        assert QUEUES["responses"].depth(session) == 1


async def test_audio_waits_for_a_model_that_is_away() -> None:
    async with live_sessions("ws://127.0.0.1:9/v1/realtime") as sessions:
        session, _ = begin(sessions)
        for _ in range(8):
            await session.send_audio(bytes(240_000), "pcm16")
            if QUEUES["uplink_bytes"].depth(session):
                break
        session.commit_audio()
        assert QUEUES["uplink_bytes"].depth(session) > 0
        assert QUEUES["uplink_commands"].depth(session) == 1


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_in_the_documentation(name: str) -> None:
    page = (SOURCE.parent / "docs" / "observing.md").read_text()
    assert re.search(rf"\| `{name}` \|", page)
