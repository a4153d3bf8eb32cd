from gateway.core.output_buffer import BufferEvent
from gateway.realtime import replies
from tests.event_recorder import check


def test_what_the_gateway_makes_itself_is_by_the_book() -> None:
    session = {"type": "realtime", "id": "sess_1", "object": "realtime.session"}
    ids = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
    events = [
        replies.session_created(session),
        replies.session_updated(session),
        replies.error("invalid_value", "No.", "type", "mine"),
        replies.error("internal", "No.", kind="server_error"),
        *(replies.output_audio_buffer(what, "resp_1") for what in BufferEvent),
        replies.item_truncated("item_1", 0, 20),
        replies.empty_item_retrieved("item_1"),
        replies.dtmf_received("1", 1_700_000_000),
        replies.audio_delta(ids, "AAA="),
        replies.response_lost({"id": "resp_1", "object": "realtime.response"}, "It was lost."),
    ]
    for event in events:
        check(event)
    assert len({event["event_id"] for event in events}) == len(events)
