from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.output_buffer import MAX_RESPONSES, BufferEvent, Change, OutputBuffer

STARTED, STOPPED, CLEARED = BufferEvent.STARTED, BufferEvent.STOPPED, BufferEvent.CLEARED


def test_a_response_is_heard_from_its_first_frame_to_its_last() -> None:
    buffer = OutputBuffer()
    buffer.owe("resp_1", "item_1")
    assert buffer.start("item_1") == [(STARTED, "resp_1")]
    assert buffer.start("item_1") == []
    assert buffer.settle(lambda _: False) == [], "the model may go on"
    buffer.over("resp_1")
    assert buffer.settle(lambda _: True) == []
    assert buffer.settle(lambda _: False) == [(STOPPED, "resp_1")]
    assert buffer.settle(lambda _: False) == []


def test_two_items_are_one_response() -> None:
    buffer = OutputBuffer()
    buffer.owe("resp_1", "item_1")
    buffer.owe("resp_1", "item_2")
    buffer.over("resp_1")
    assert buffer.start("item_1") == [(STARTED, "resp_1")]
    assert buffer.settle(lambda item: item == "item_2") == []
    assert buffer.start("item_2") == []
    assert buffer.settle(lambda _: False) == [(STOPPED, "resp_1")]


def test_what_was_cut_is_cleared_if_any_of_it_was_heard() -> None:
    buffer = OutputBuffer()
    buffer.owe("resp_1", "item_1")
    buffer.owe("resp_2", "item_2")
    buffer.start("item_1")
    assert buffer.cut("item_1") == [(CLEARED, "resp_1")]
    assert buffer.cut("item_2") == []
    assert buffer.cut("item_3") == []
    buffer.over()
    assert buffer.settle(lambda _: False) == []


steps = st.tuples(st.sampled_from(["owe", "start", "over", "settle", "cut"]), st.integers(0, 3))


@given(st.lists(steps, max_size=60))
def test_every_start_has_one_end(script: list[tuple[str, int]]) -> None:
    buffer, told = OutputBuffer(), list[Change]()
    for what, number in script:
        match what:
            case "owe":
                buffer.owe(f"resp_{number}", f"item_{number}")
            case "start":
                told += buffer.start(f"item_{number}")
            case "over":
                buffer.over(f"resp_{number}")
            case "settle":
                told += buffer.settle(lambda item, number=number: item == f"item_{number}")
            case "cut":
                told += buffer.cut(f"item_{number}")
    buffer.over()
    told += buffer.settle(lambda _: False)
    for number in range(4):
        mine = [what for what, response in told if response == f"resp_{number}"]
        assert mine[::2] == [STARTED] * (len(mine) // 2)
        assert set(mine[1::2]) <= {STOPPED, CLEARED}
        assert len(mine) % 2 == 0


def test_it_is_bounded() -> None:
    buffer = OutputBuffer()
    for number in range(MAX_RESPONSES + 1):
        buffer.owe(f"resp_{number}", f"item_{number}")
    assert buffer.start("item_0") == []
    assert buffer.start("item_1") == [(STARTED, "resp_1")]
