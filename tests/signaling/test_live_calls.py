"""Which calls there are, and who may control them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.core.events import ErrorCode, GatewayError
from gateway.sessions import Sessions
from signaling.http_errors import Refused
from signaling.keys import EphemeralKeys
from signaling.live_calls import LiveCalls
from signaling.ringing import Ringing
from signaling.session_config import SessionConfig
from tests.gateways import live_sessions

NOBODY = "ws://127.0.0.1:9"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def sessions() -> AsyncIterator[Sessions]:
    async with live_sessions(NOBODY) as made:
        yield made


async def test_a_call_is_known_while_its_session_lives(sessions: Sessions) -> None:
    live = LiveCalls(sessions, EphemeralKeys())
    call_id, session = live.new_id(), sessions.open("ann")
    live.add(call_id, session)
    assert live.find(call_id, None).in_progress() is session
    session.end("the end")
    with pytest.raises(Refused) as caught:
        live.find(call_id, None)
    assert caught.value.status == 404, "it ends now"
    await sessions.end(session, "the end")
    assert len(live) == 0
    live.add(call_id, session)
    assert len(live) == 0, "a session that is over is not kept"


async def test_a_key_controls_what_it_opened_and_nothing_else(sessions: Sessions) -> None:
    clock = Clock()
    keys = EphemeralKeys(clock=clock)
    live = LiveCalls(sessions, keys)
    ann, bob = (keys.issue(SessionConfig(), 600).value for _ in range(2))
    hers, his, anyones = (live.new_id() for _ in range(3))
    live.add(hers, sessions.open("ann"), keys.open(ann))
    live.add(his, sessions.open("bob"), keys.open(bob))
    live.add(anyones, sessions.open("eve"))
    assert live.find(hers, ann).id == hers
    assert live.find(anyones, None).id == anyones, "opened without a key, controlled without one"
    for call_id in (hers, anyones):
        assert live.find(call_id, "sk-of-openai").id == call_id
    for call_id, token in (
        (hers, bob),
        (his, ann),
        (anyones, ann),
        (hers, "ek_nonsense"),
        (hers, None),
    ):
        with pytest.raises(GatewayError) as caught:
            live.find(call_id, token)
        assert caught.value.code is ErrorCode.UNAUTHORIZED
    clock.now += 600
    with pytest.raises(GatewayError):
        live.find(hers, ann)
    assert live.find(hers, ann, even_expired=True).id == hers
    with pytest.raises(GatewayError):
        live.find(hers, bob, even_expired=True)


async def test_a_call_that_rings_has_no_session_yet(sessions: Sessions) -> None:
    live = LiveCalls(sessions, EphemeralKeys())
    call = live.ring(Ringing())
    with pytest.raises(Refused) as caught:
        live.find(call.id, None).in_progress()
    assert caught.value.status == 409
    session = sessions.open("sip")
    live.add(call.id, session)
    assert live.find(call.id, None).in_progress() is session
    assert live.find(call.id, None).ringing is None
    other = live.ring(Ringing())
    live.forget(other.id)
    with pytest.raises(Refused):
        live.find(other.id, None)
