from typing import Any

import pytest

from gateway.core import events as core
from gateway.core.events import ErrorCode, GatewayError
from signaling import events

CANDIDATE = "candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host"

BAD_REQUESTS: list[tuple[Any, Any]] = [
    (events.Join.parse, "a string"),
    (events.Join.parse, 7),
    (events.Join.parse, ["list"]),
    (events.Join.parse, {"userId": 5}),
    (events.Join.parse, {"userId": ""}),
    (events.Join.parse, {"agentSet": {}}),
    (events.Join.parse, {"sessionId": "sess_1"}),
    (events.Join.parse, {"language": "not a tag!"}),
    (events.Join.parse, {"instructions": b"bytes"}),
    (events.parse_offer, None),
    (events.parse_offer, "v=0"),
    (events.parse_offer, {}),
    (events.parse_offer, {"type": "answer", "sdp": "v=0"}),
    (events.parse_offer, {"type": "offer", "sdp": None}),
    (events.parse_offer, {"type": "offer", "sdp": ""}),
    (events.parse_offer, {"type": "offer", "sdp": ["v=0"]}),
    (events.parse_candidate, "candidate:1"),
    (events.parse_candidate, {"candidate": 5}),
    (events.parse_candidate, {"candidate": "nonsense"}),
    (events.parse_candidate, {"candidate": "candidate:1 1 udp x 127.0.0.1 5 typ host"}),
    (events.parse_candidate, {"candidate": "x" * 2000}),
    (events.parse_text, None),
    (events.parse_text, ""),
    (events.parse_text, "  \n"),
    (events.parse_text, {"text": "hi"}),
    (events.parse_text, b"hi"),
    (events.parse_keys, None),
    (events.parse_keys, "12 3"),
    (events.parse_flag, None),
    (events.parse_flag, "true"),
    (events.parse_flag, 1),
    (events.Update.parse, None),
    (events.Update.parse, {}),
    (events.Update.parse, {"unknown": 1}),
    (events.Update.parse, {"voice": 3}),
    (events.Update.parse, {"turnDetection": "telepathy"}),
    (events.Update.parse, {"turnDetection": {"type": "server_vad", "threshold": []}}),
    (events.Update.parse, {"turnDetection": 5}),
]


@pytest.mark.parametrize(("parse", "data"), BAD_REQUESTS)
def test_what_is_no_payload_is_refused_by_name(parse: Any, data: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(data)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.message


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        (events.parse_text, "x" * 40_000),
        (events.parse_keys, "1" * 33),
        (events.parse_offer, {"type": "offer", "sdp": "v=0\r\n" * 20_000}),
        (events.Join.parse, {"instructions": "x" * 40_000}),
        (events.Join.parse, {"userId": "x" * 300}),
    ],
)
def test_what_is_too_large_is_called_that(parse: Any, data: Any) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(data)
    assert refused.value.code is ErrorCode.TOO_LARGE


def test_a_join_may_be_empty() -> None:
    assert events.Join.parse(None) == events.Join.parse({}) == events.Join()


def test_a_join_takes_the_contracts_fields_and_leaves_others_alone() -> None:
    join = events.Join.parse(
        {"userId": "u", "sessionId": "s", "resumeToken": "t", "language": "ko-KR", "more": 1}
    )
    assert join == events.Join(user_id="u", session_id="s", resume_token="t", language="ko-KR")


@pytest.mark.parametrize("end", [None, {"candidate": ""}, {"candidate": None}, {}])
def test_the_end_of_candidates_has_many_forms(end: Any) -> None:
    assert events.parse_candidate(end) is None


@pytest.mark.parametrize("prefix", ["", "a="])
def test_a_candidate_is_read(prefix: str) -> None:
    data = {"candidate": prefix + CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0}
    candidate = events.parse_candidate(data)
    assert candidate is not None
    assert (candidate.address, candidate.port) == ("127.0.0.1", 5000)


@pytest.mark.parametrize("name", ["turnDetection", "turn_detection"])
def test_push_to_talk_is_no_turn_detection(name: str) -> None:
    assert events.Update.parse({name: None}).changes == {"turn_detection": None}


def test_turn_detection_by_its_type_alone() -> None:
    changes = events.Update.parse({"turnDetection": "server_vad"}).changes
    assert changes == {"turn_detection": {"type": "server_vad"}}


def sent(event: core.SessionEvent) -> list[tuple[str, Any]]:
    return events.outgoing(event, "sess_1", "user_1")


def test_the_end_of_a_session_says_why() -> None:
    assert sent(core.StatusChanged(core.Status.DISCONNECTED, "the client left")) == [
        (
            "session_status",
            {
                "status": "DISCONNECTED",
                "sessionId": "sess_1",
                "userId": "user_1",
                "reason": "the client left",
            },
        )
    ]


def test_an_answer_is_a_message_a_transcript_and_an_agents_response() -> None:
    line = core.Message("item_1", "audio", "assistant", "Hi.", 5, "front", {"interrupted": True})
    message, transcript, response = sent(line)
    assert message == (
        "message",
        {
            "id": "item_1",
            "type": "audio",
            "role": "assistant",
            "content": "Hi.",
            "timestamp": 5,
            "data": {"interrupted": True},
        },
    )
    assert transcript == ("transcript", ("Hi.", "assistant"))
    assert response[0] == "agent_response"
    assert response[1]["agent"] == "front"


def test_a_callers_line_is_no_agents_response() -> None:
    line = core.Message("item_1", "audio", "user", "Hi.", 5)
    assert [name for name, _ in sent(line)] == ["message", "transcript"]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (core.TranscriptDelta("i", "user", "d"), "transcript_delta"),
        (core.AudioInterrupted("i", 20), "audio_interrupted"),
        (core.UpstreamEvent({"type": "session.created"}), "realtime_event"),
        (core.LegStateChanged("connected", "connected"), "webrtc_state"),
        (
            core.CallStats(1.0, 2.0, 0.0, 3.0, 0.0, 40, 300, 0, 0, 50, 1, 0, 50, False),
            "call_stats",
        ),
        (core.Failed(ErrorCode.INTERNAL, "sorry"), "error"),
    ],
)
def test_every_session_event_has_its_name(event: core.SessionEvent, name: str) -> None:
    ((sent_name, _),) = sent(event)
    assert sent_name == name
