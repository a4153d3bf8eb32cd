"""What a tape keeps of a conversation, and what it does not."""

from __future__ import annotations

import json
from typing import Any

from gateway.core.jitter import ReceiveWindow
from gateway.core.rtp import RtpPacket
from gateway.core.tool_calls import ToolCall
from gateway.recording.files import as_line
from gateway.taping import ConversationTape
from tests.gateway.virtual_call import Call


class TapedCall(Call):
    """A virtual call with a tape, which is its ``lines``."""

    def __init__(self) -> None:
        super().__init__()
        self.tape_lines: list[bytes] = []
        self.tape = ConversationTape(lambda call: self.tape_lines.append(as_line(call.line())))
        send, emit = self.conversation._send, self.conversation._emit

        def on_send(event: dict[str, Any]) -> None:
            self.tape.on_sent(event)
            send(event)

        def on_emit(event: Any) -> None:
            self.tape.on_session_event(event)
            emit(event)

        self.conversation._send = self.conversation.handover._send = on_send
        self.conversation._emit = on_emit
        self.playout.taps = (self.tape,)
        self.tape.watch(self.conversation, self.playout)

    def barge_in(self) -> None:
        """A question, and an answer into which the caller speaks."""
        self.conversation.replay.append(b"\1\0" * 2400, self.now)
        self.question("item_1", "What is the time?")
        self.answer("item_2", "It is a quarter past nine", 4.0, response="resp_1")
        self.listen(1.5)
        self.server("input_audio_buffer.speech_started", item_id="item_3", audio_start_ms=900)
        self.listen(0.5)

    def named(self, name: str) -> list[Any]:
        return [line for line in map(json.loads, self.tape_lines) if line[0] == name]


def test_a_call_is_kept_with_what_it_brought_about() -> None:
    call = TapedCall()
    call.barge_in()
    head, fields = (json.loads(line) for line in call.tape_lines[:2])
    assert head[0:2] == ["talkpath tape", [2]]
    assert fields[:2] == ["set", [True, True, True, "front", False, False]]
    cut = next(
        line
        for line in call.named("conversation.handle")
        if "speech_started" in line[1][0]["type"] and line[1][0]["item_id"] == "item_3"
    )
    kinds = [kind for kind, _ in cut[3]]
    assert kinds == ["send", "emit", "clock", "emit"]
    assert cut[3][0][1]["type"] == "conversation.item.truncate"
    assert cut[3][1][1] == {"is": "AudioInterrupted", "item_id": "item_2", "audio_end_ms": 1500}
    frames = [line for line in call.named("playout.next_frame") if line[4]]
    assert len(frames) == 75
    assert frames[0][3] == [["taken", ["item_2", 480, True]]]


def test_there_is_no_sound_on_a_tape() -> None:
    call = TapedCall()
    call.barge_in()
    window = ReceiveWindow(lambda payload: 960)
    call.tape.watch_window(window, 48_000, lambda payload: 960, lambda payload: True)
    window.push(RtpPacket(111, False, 1, 960, 5, b"\xfcvoice"), 1.0)
    window.pop(1.0)
    tape = b"".join(call.tape_lines)
    (delta,) = (
        line[1][0]["delta"]
        for line in call.named("conversation.handle")
        if line[1][0]["type"] == "response.output_audio.delta"
    )
    assert delta == 4 * 48_000
    assert b"voice" not in tape
    assert b"AQABAA" not in tape, "base64 of its sound"
    assert call.named("window1.push")[0][1] == [[111, False, 1, 960, 5, 6, 960, True], 1.0]
    assert call.named("window1.pop")[0][4] == {"is": "Play", "payload": 6, "samples": 960}


def test_what_agents_add_to_a_line_is_not_cores() -> None:
    call = TapedCall()
    call.conversation.transcript.record(ToolCall("call_1", "look", "{}", "item_9"))
    call.answer("item_2", "It is nine.", 1.0, response="resp_1", done=False)
    call.listen(0.5)
    line = call.conversation.transcript.get("item_2")
    assert line is not None
    line.metadata, line.guardrail = {"direct": True}, {"category": "NONE"}
    call.conversation.finish(call.now)
    (finish,) = call.named("conversation.finish")
    (told,) = (value for kind, value in finish[3] if kind == "emit")
    assert told["metadata"] == {}
    assert "guardrail" not in told["data"]
    assert call.named("transcript.record")[0][1][0]["is"] == "ToolCall"
