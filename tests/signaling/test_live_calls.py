"""Which calls there are, and who may control them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.sessions import Sessions
from signaling.caller import Caller, Scope
from signaling.http_errors import Refused
from signaling.live_calls import LiveCalls
from signaling.ringing import Ringing
from tests.gateways import live_sessions

NOBODY = "ws://127.0.0.1:9"


ANYBODY = Caller()


@pytest_asyncio.fixture
async def sessions() -> AsyncIterator[Sessions]:
    async with live_sessions(NOBODY) as made:
        yield made


async def test_a_call_is_known_while_its_session_lives(sessions: Sessions) -> None:
    live = LiveCalls(sessions)
    call_id, session = live.new_id(), sessions.open("ann")
    live.add(call_id, session)
    assert live.find(call_id, ANYBODY).in_progress() is session
    session.end("the end")
    with pytest.raises(Refused) as caught:
        live.find(call_id, ANYBODY)
    assert caught.value.status == 404, "it ends now"
    await sessions.end(session, "the end")
    assert len(live) == 0
    live.add(call_id, session)
    assert len(live) == 0, "a session that is over is not kept"


async def test_a_call_is_found_by_whoever_may_control_it_and_by_nobody_else(
    sessions: Sessions,
) -> None:
    live = LiveCalls(sessions)
    hers, anyones = live.new_id(), live.new_id()
    live.add(hers, sessions.open("ann", owner="ann"))
    live.add(anyones, sessions.open("eve"))
    ann, bob, operator = (
        Caller("ann"),
        Caller("bob"),
        Caller("op", scopes=frozenset(Scope)),
    )
    for caller in (ann, operator):
        assert live.find(hers, caller).id == hers
    assert live.find(anyones, ANYBODY).id == anyones
    told = set()
    for call_id, caller in ((hers, bob), (hers, ANYBODY), (anyones, ann), ("rtc_none", ann)):
        with pytest.raises(Refused) as caught:
            live.find(call_id, caller)
        assert (caught.value.status, caught.value.code) == (404, "not_found")
        told.add(str(caught.value).replace(call_id, "…"))
    assert len(told) == 1, "nobody learns whether a call is there"


async def test_a_call_that_rings_has_no_session_yet(sessions: Sessions) -> None:
    live = LiveCalls(sessions)
    call = live.ring(Ringing())
    with pytest.raises(Refused) as caught:
        live.find(call.id, ANYBODY).in_progress()
    assert caught.value.status == 409
    session = sessions.open("sip")
    live.add(call.id, session)
    assert live.find(call.id, ANYBODY).in_progress() is session
    assert live.find(call.id, ANYBODY).ringing is None
    other = live.ring(Ringing())
    live.forget(other.id)
    with pytest.raises(Refused):
        live.find(other.id, ANYBODY)
