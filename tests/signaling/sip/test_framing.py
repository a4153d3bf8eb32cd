"""Messages out of a stream that is cut anywhere."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.framing import PING, Framer, Unframed
from signaling.sip.message import MAX_HEAD
from tests.signaling.sip.phone import Phone

MESSAGES = [Phone().invite(), PING, Phone().request("OPTIONS"), Phone().request("BYE")]


@given(st.lists(st.integers(1, sum(map(len, MESSAGES))), max_size=30))
def test_messages_come_out_whole_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    stream, framer = b"".join(MESSAGES), Framer()
    edges = sorted({0, *cuts, len(stream)})
    found = [
        message
        for start, end in itertools.pairwise(edges)
        for message in framer.feed(stream[start:end])
    ]
    assert found == MESSAGES


def test_line_ends_before_a_message_are_skipped() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert framer.feed(MESSAGES[0]) == MESSAGES[:1]


@pytest.mark.parametrize(
    "data",
    [
        MESSAGES[0].replace(b"Content-Length", b"Content-Width"),
        MESSAGES[0].replace(b"Content-Length: ", b"Content-Length: 9999"),
        b"x" * MAX_HEAD,
    ],
)
def test_a_stream_without_an_end_in_sight_is_given_up(data: bytes) -> None:
    with pytest.raises(Unframed):
        Framer().feed(data)
