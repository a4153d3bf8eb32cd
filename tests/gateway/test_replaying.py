"""A recorded call replays byte for byte, and a changed rule shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import jitter, turns
from gateway.core.jitter import ReceiveWindow
from gateway.core.rtp import RtpPacket
from gateway.core.tool_calls import ToolCall, ToolOutput
from gateway.core.turns import Action, Input, Turn
from gateway.recording.folder import PACKETS
from gateway.replaying import NoTape, differences, main
from tests.gateway.test_taping import TapedCall


def barge_in() -> list[bytes]:
    call = TapedCall()
    call.barge_in()
    call.conversation.finish(call.now)
    return call.tape_lines


def test_a_barge_in_replays_byte_for_byte() -> None:
    tape = barge_in()
    assert any(b"conversation.item.truncate" in line for line in tape)
    assert list(differences(tape)) == []


def test_a_changed_rule_shows_where_it_decides_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = barge_in()
    rule = (Turn.AGENT_SPEAKING, Input.SPEECH_STARTED)
    monkeypatch.setitem(turns.TRANSITIONS, rule, (Turn.CALLER_SPEAKING, Action.NONE))
    first, *_ = differences(tape)
    assert b"conversation.item.truncate" in first.then
    assert b"conversation.item.truncate" not in first.now
    assert tape[first.number - 1] == first.then


def everything() -> list[bytes]:
    """All ways into core, among them chance and the calendar."""
    call = TapedCall()
    conversation = call.conversation
    call.server("error", error={"code": "some_code", "message": "No."})
    with pytest.raises(KeyError):
        call.server("response.done", nothing="of its fields")
    conversation.say("Good day", call.now)
    conversation.press("12#", call.now)
    conversation.transcript.record(ToolCall("call_1", "look", "{}", "item_c"))
    conversation.transcript.record(ToolOutput("call_1", "found", "item_o"))
    call.answer("item_2", "It is a quarter past nine", 2.0, response="resp_1", done=False)
    call.server("response.output_audio.delta", response_id="resp_1", item_id="item_2", delta="?")
    for frame in range(10):
        call.playout.next_frame(1.0 + frame * 0.02)
    call.playout.settle(1.05)
    conversation.replay.append(bytes(9600), 1.05)
    conversation.interrupt(1.1)
    conversation.commit(1.2)
    conversation.clear()
    conversation.barge_in = False
    conversation.replay.disconnected()
    conversation.model_lost(2.0)
    conversation.model_connected({"item_2", "item_1"}, moved=False, now=3.0)
    conversation.handover.former_said()
    conversation.request_response({"instructions": "Go on."})
    conversation.played([], 4.0)
    conversation.audible, conversation.passed.is_open = False, True
    call.answer("item_9", "Heard by a client", 2.0, response="resp_9")
    conversation.transcript.cut("item_9", 24_000, 48_000)
    conversation.passed.cut("item_9", 24_000)
    conversation.finish(9.0)
    return call.tape_lines


def test_every_way_into_core_replays() -> None:
    tape = everything()
    assert list(differences(tape)) == []
    assert any(b'["recalled",' in line for line in tape)
    assert any(b'"raised"' in line for line in tape)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.booleans(), st.booleans(), st.floats(0, 0.2)), max_size=60
    )
)
def test_a_lossy_path_replays(steps: list[tuple[int, bool, bool, float]]) -> None:
    call, now = TapedCall(), 0.0
    for _, (length, fec) in enumerate(((960, True), (160, False)), 1):
        window = ReceiveWindow(lambda _, n=length: n, has_fec=lambda _, f=fec: f)
        call.tape.watch_window(window, 48_000, lambda _, n=length: n, lambda _, f=fec: f)
        for sequence, copy, empty, passed in steps:
            now += passed
            payload = b"" if empty else b"\x01"
            packet = RtpPacket(111, False, sequence, sequence * length, 5, payload)
            (window.push_copy if copy else window.push)(packet, now)
            while window.pop(now) is not None:
                pass
        window.reset()
    assert list(differences(call.tape_lines)) == []


def test_a_window_that_waits_longer_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    call = TapedCall()
    window = ReceiveWindow(lambda _: 960)
    call.tape.watch_window(window, 48_000, lambda _: 960, lambda _: True)
    for sequence in (1, 2, 9):
        window.push(RtpPacket(111, False, sequence, sequence * 960, 5, b"\1"), 0.02 * sequence)
        while window.pop(0.02 * sequence + 0.1 * (sequence == 9)) is not None:
            pass
    assert list(differences(call.tape_lines)) == []
    monkeypatch.setattr(jitter, "MAX_CONCEAL_SECONDS", 0.02)
    assert list(differences(call.tape_lines))


def test_the_command_tells_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "RECORD_PACKETS" in capsys.readouterr().err
    tape = barge_in()
    (tmp_path / PACKETS).write_bytes(b"".join(tape) + b'["cut in the mid')
    assert main([str(tmp_path)]) == 0
    assert f"{len(tape)} calls into core replayed, all as it was" in capsys.readouterr().out
    rule = (Turn.AGENT_SPEAKING, Input.SPEECH_STARTED)
    monkeypatch.setitem(turns.TRANSITIONS, rule, (Turn.CALLER_SPEAKING, Action.NONE))
    assert main([str(tmp_path)]) == 1
    assert "conversation.item.truncate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'["talkpath tape",[99],{},[],null]\n', "version 99"),
        (b'["ghost.walk",[],{},[],null]\n', "no ghost.walk"),
        (b"{}\n", "another form"),
        (b"\xff\n", "not JSON"),
    ],
)
def test_what_is_no_tape_is_refused(line: bytes, why: str) -> None:
    with pytest.raises(NoTape, match=why):
        list(differences([line]))
