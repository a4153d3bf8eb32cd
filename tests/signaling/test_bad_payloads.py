"""Whatever one client sends: it is told what was wrong, and nobody else notices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from signaling.app import Gateway
from tests.signaling.callers import Bare, Caller, until
from tests.stand_in import StandIn

HALF_A_PAIR = "\ud800"
DEEP: list[Any] = []
for _ in range(100):
    DEEP = [DEEP]

BAD: list[tuple[str, tuple[Any, ...], str]] = [
    ("join_session", ("ann",), "bad_request"),
    ("join_session", (7,), "bad_request"),
    ("join_session", (["userId", "ann"],), "bad_request"),
    ("join_session", (b"\0\1\2",), "bad_request"),
    ("join_session", ({"userId": 5},), "bad_request"),
    ("join_session", ({"userId": ""},), "bad_request"),
    ("join_session", ({"userId": b"ann"},), "bad_request"),
    ("join_session", ({"userId": HALF_A_PAIR},), "bad_request"),
    ("join_session", ({"userId": "x" * 300},), "too_large"),
    ("join_session", ({"agentSet": {}},), "bad_request"),
    ("join_session", ({"agentSet": "choir"},), "bad_request"),
    ("join_session", ({"voice": ["cedar"]},), "bad_request"),
    ("join_session", ({"language": "no such tag"},), "bad_request"),
    ("join_session", ({"instructions": "x" * 40_000},), "too_large"),
    ("join_session", ({"sessionId": "sess_1"},), "bad_request"),
    ("join_session", ({"sessionId": "sess_1", "resumeToken": "?"},), "session_expired"),
    ("join_session", ({"sessionId": "sess_1", "resumeToken": "ключ"},), "session_expired"),
    ("join_session", ({"sessionId": "sess_1", "resumeToken": HALF_A_PAIR},), "bad_request"),
    ("webrtc_offer", (), "bad_request"),
    ("webrtc_offer", ("v=0",), "bad_request"),
    ("webrtc_offer", ({},), "bad_request"),
    ("webrtc_offer", ({"type": "answer", "sdp": "v=0\r\n"},), "bad_request"),
    ("webrtc_offer", ({"type": "offer", "sdp": None},), "bad_request"),
    ("webrtc_offer", ({"type": "offer", "sdp": ["v=0"]},), "bad_request"),
    ("webrtc_offer", ({"type": "offer", "sdp": b"v=0"},), "bad_request"),
    ("webrtc_offer", ({"type": "offer", "sdp": "nonsense"},), "negotiation_failed"),
    ("webrtc_offer", ({"type": "offer", "sdp": "v=0\r\n" * 20},), "negotiation_failed"),
    ("webrtc_offer", ({"type": "offer", "sdp": "\0" * 50},), "negotiation_failed"),
    ("webrtc_offer", ({"type": "offer", "sdp": "a=b\r\n" * 20_000},), "too_large"),
    ("ice_candidate", ("candidate:1",), "bad_request"),
    ("ice_candidate", ({"candidate": 5},), "bad_request"),
    ("ice_candidate", ({"candidate": "nonsense"},), "bad_request"),
    ("ice_candidate", ({"candidate": "x" * 2000},), "bad_request"),
    ("ice_candidate", ({"candidate": "candidate:1 1 udp x 127.0.0.1 9 typ host"},), "bad_request"),
    ("ice_candidate", (DEEP,), "bad_request"),
    ("send_text", (), "bad_request"),
    ("send_text", ("",), "bad_request"),
    ("send_text", (" \n\t",), "bad_request"),
    ("send_text", ({"text": "hi"},), "bad_request"),
    ("send_text", (b"hi",), "bad_request"),
    ("send_text", (b"hi", {"more": [b"hi"]}), "bad_request"),
    ("send_text", (HALF_A_PAIR,), "bad_request"),
    ("send_text", ("x" * 40_000,), "too_large"),
    ("send_dtmf", (), "bad_request"),
    ("send_dtmf", ("",), "bad_request"),
    ("send_dtmf", (5,), "bad_request"),
    ("send_dtmf", ("12E",), "bad_request"),
    ("send_dtmf", ("5\n",), "bad_request"),
    ("send_dtmf", ("\u0663",), "bad_request"),
    ("send_dtmf", ("1" * 33,), "too_large"),
    ("mute", (), "bad_request"),
    ("mute", ("true",), "bad_request"),
    ("mute", (1,), "bad_request"),
    ("mute", ({},), "bad_request"),
    ("update_session", (), "bad_request"),
    ("update_session", ({},), "bad_request"),
    ("update_session", ({"colour": "red"},), "bad_request"),
    ("update_session", ({"voice": 3},), "bad_request"),
    ("update_session", ({"agentSet": "choir"},), "bad_request"),
    ("update_session", ({"turnDetection": "telepathy"},), "bad_request"),
    ("update_session", ({"turnDetection": {"type": "server_vad", "a": []}},), "bad_request"),
    (
        "update_session",
        ({"turnDetection": {"type": "server_vad", "threshold": float("nan")}},),
        "bad_request",
    ),
    ("update_session", ({"turnDetection": {"type": "server_vad", "a": "x" * 999}},), "bad_request"),
    ("no_such_event", ({},), "bad_request"),
    ("", (), "bad_request"),
]

# Text frames of Engine.IO (4: message) that hold no event of Socket.IO.
UNREADABLE_FRAMES = [
    "4",
    "42",
    "42[]",
    '42{"a":1}',
    "42[7]",
    "42[null]",
    '42["send_text", NaN]',
    '42["send_text", 1e999]',
    '42[["send_text"]]',
    '42["send_text"',
    "4" + "2" * 200,
    '42["connect",{}]',
    '42["disconnect"]',
    '42["*","send_text"]',
    "44{}",
    "47[]",
    "49",
    "4x",
    '4{"type":"offer"}',
    "4[[[[",
    "42" + "[" * 100_000,
    "42" + "9" * 5_000 + '["interrupt"]',
    "42[" + "9" * 5_000 + "]",
    '450-["send_text"]',
    '459999999999-["send_text",{"_placeholder":true,"num":0}]',
    '42-["send_text"]',
]


@pytest_asyncio.fixture
async def bystander(gateway: Gateway, model: StandIn) -> AsyncIterator[Caller]:
    """Another client, in a session: it must get through every test unharmed."""
    async with Caller(gateway.url) as other:
        await other.join(userId="bystander")
        await other.wait("realtime_event", lambda event: event["type"] == "session.updated")
        before = list(other.events)
        yield other
        assert other.events == before, "the bystander was told something"
        assert (await other.ask("send_text", "Still here."))["ok"]
        line = await model.line(0)
        await line.wait_for("response.create")
        assert len(line.received) == 3


def test_there_are_forty_kinds() -> None:
    assert len({repr(bad[:2]) for bad in BAD}) >= 40


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_every_bad_payload_is_answered_by_its_code(
    gateway: Gateway, model: StandIn, bystander: Caller, transport: str
) -> None:
    async with Caller(gateway.url, transport) as caller:
        session = await caller.join(userId="rude")
        await caller.reach_model()
        line = await model.line(1)
        for count, (event, arguments, code) in enumerate(BAD, 1):
            what = f"{event} {arguments!r:.60}"
            answer = await caller.ask(event, *arguments)
            assert answer["ok"] is False, what
            assert answer["error"].keys() == {"code", "message"}, what
            assert answer["error"]["code"] == code, what
            assert "Traceback" not in answer["error"]["message"], what
            assert await caller.wait("error", count=count) == answer["error"], what
        # The session went through it all.
        assert (await caller.ask("send_text", "Sorry."))["ok"]
        await line.wait_for("response.create")
        assert [event["type"] for event in line.received] == [
            *("session.update", "conversation.item.create", "response.create"),
        ]
        assert (await caller.resume(session))["ok"]


async def test_frames_that_hold_no_event_are_answered_by_an_error(
    gateway: Gateway, bystander: Caller
) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        joined = await bare.ask(1, "join_session", {})
        assert joined["ok"]
        for frame in UNREADABLE_FRAMES:
            await bare.send(frame)
            error = await bare.event("error")
            assert error["code"] == "bad_request", frame[:40]
        assert await bare.ask(2, "interrupt") == {"ok": True}


async def test_an_unreadable_event_is_acknowledged_under_its_number(
    gateway: Gateway, bystander: Caller
) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        await bare.send("4277[]")
        assert (await bare.acknowledged(77))["error"]["code"] == "bad_request"
        await bare.send('4278["connect",{}]')
        assert (await bare.acknowledged(78))["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("event", "attachments"),
    [
        ('["send_text",{"_placeholder":true,"num":5}]', [b"a"]),
        ('["send_text",{"_placeholder":true,"num":"x"}]', [b"a"]),
        ('["send_text",{"_placeholder":true,"num":-7}]', [b"a"]),
        ('["send_text",{"_placeholder":true,"num":0}]', ["4not binary"]),
        ('["send_text",{"_placeholder":true,"num":0}]', [b""]),
        ('["send_text",{"_placeholder":true,"num":0}]', [b"\0" * 1_000_000]),
        ("[]", [b"a"]),
    ],
)
async def test_binary_that_does_not_fit_its_event_is_refused(
    gateway: Gateway, bystander: Caller, event: str, attachments: list[str | bytes]
) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        assert (await bare.ask(1, "join_session"))["ok"]
        await bare.send(f"45{len(attachments)}-5{event}")
        for attachment in attachments:
            await bare.send(attachment)
        assert (await bare.acknowledged(5))["error"]["code"] == "bad_request"
        assert await bare.ask(6, "interrupt") == {"ok": True}


async def test_binary_without_an_event_is_refused(gateway: Gateway, bystander: Caller) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        assert (await bare.ask(1, "join_session"))["ok"]
        await bare.send(b"\0\1\2\3")
        assert (await bare.event("error"))["code"] == "bad_request"
        assert await bare.ask(2, "interrupt") == {"ok": True}


async def test_a_packet_beyond_the_bound_ends_its_own_connection_only(
    gateway: Gateway, bystander: Caller
) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        joined = await bare.ask(1, "join_session")
        await bare.send("42" + "x" * 2_000_000)
        assert await bare.closed() == 1009
    async with Caller(gateway.url) as caller:
        assert (await caller.resume(joined))["ok"], "the session waits for its client"


@pytest.mark.parametrize("frame", ["", "x", "²"])
async def test_what_is_not_engine_io_ends_its_own_connection_only(
    gateway: Gateway, bystander: Caller, frame: str
) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        joined = await bare.ask(1, "join_session")
        await bare.send(frame)
        await bare.closed()
        assert gateway.sessions is not None
        session = gateway.sessions.find(joined["sessionId"], joined["resumeToken"])
        await until(lambda: session._mailbox._listener is None)
    async with Caller(gateway.url) as caller:
        assert (await caller.resume(joined))["ok"]


async def test_packets_of_no_kind_are_ignored(gateway: Gateway, bystander: Caller) -> None:
    async with Bare(gateway.url) as bare:
        await bare.connect()
        for frame in ("7", "8[]", "9", "0", "2", "5", "6"):
            await bare.send(frame)
        assert (await bare.ask(1, "join_session"))["ok"]
