"""Keys that we press, in virtual time, and at the other end of a real stream."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from gateway.core.negotiation import AudioAgreement
from gateway.core.rtp import RtpPacket, timestamp_delta
from gateway.media.keys import KeySender, KeysNotTaken
from tests.gateway.media.streams import OPUS, End, joined, speech
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop

WITH_EVENTS = AudioAgreement(
    "0", OPUS, 111, True, True, telephone_event=101, event_clock_rate=8_000
)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


@pytest.fixture
def ends(loop: VirtualLoop) -> Iterator[tuple[End, End]]:
    a, b = joined(loop)
    for end in (a, b):
        end.stream.agree(WITH_EVENTS)
    yield a, b
    for end in (a, b):
        end.stream.close()


def press(loop: VirtualLoop, end: End, *keys: str) -> None:
    """Press keys, all of them at once; returns when the last one is over."""
    sender = KeySender(end.stream)
    pressing = [loop.create_task(sender.press(each)) for each in keys]
    loop.advance(0)
    while not all(task.done() for task in pressing):
        loop.advance(0.02)
    for task in pressing:
        task.result()


def events(end: End) -> list[list[RtpPacket]]:
    """The packets of each key."""
    sent = [packet for packet in end.rtp if packet.payload_type == 101]
    return [list(group) for _, group in itertools.groupby(sent, lambda p: p.timestamp)]


def test_each_key_arrives_once(loop: VirtualLoop, ends: tuple[End, End]) -> None:
    press(loop, ends[0], "0123456789*#ABCD")
    assert "".join(ends[1].keys) == "0123456789*#ABCD"


def test_a_key_is_held_for_160_ms_and_ends_three_times(
    loop: VirtualLoop, ends: tuple[End, End]
) -> None:
    press(loop, ends[0], "55")
    first, second = events(ends[0])
    assert [packet.marker for packet in first] == [True] + [False] * 9
    durations = [int.from_bytes(packet.payload[2:], "big") for packet in first]
    assert durations == [160, 320, 480, 640, 800, 960, 1120, 1280, 1280, 1280]
    assert [packet.payload[1] >> 7 for packet in first] == [0] * 7 + [1] * 3
    # On the stream's own clock: 48 kHz, whatever the durations count in.
    assert timestamp_delta(second[0].timestamp, first[0].timestamp) == 48 * 280
    sequences = [packet.sequence for packet in (*first, *second)]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(20)]


def test_keys_and_speech_share_one_time_line(loop: VirtualLoop, ends: tuple[End, End]) -> None:
    a, _ = ends
    loop.advance(3.0)
    press(loop, a, "1")
    a.say(speech(5))
    loop.advance(1.0)
    press(loop, a, "2")
    times = [packet.timestamp for packet in a.rtp]
    steps = [timestamp_delta(y, x) for x, y in itertools.pairwise(times)]
    assert all(step >= 0 for step in steps)
    assert abs(timestamp_delta(events(a)[1][0].timestamp, times[14]) - 48 * 1020) <= 48


def test_a_peer_that_takes_none_is_sent_none(loop: VirtualLoop, ends: tuple[End, End]) -> None:
    a, _ = ends
    for agreement in (
        AudioAgreement("0", OPUS, 111, True, True),
        AudioAgreement("0", OPUS, 111, False, True, telephone_event=101),
        None,
    ):
        a.stream.agree(agreement)
        with pytest.raises(KeysNotTaken):
            press(loop, a, "1")
    assert not a.rtp


def test_keys_of_two_at_once_do_not_mix(loop: VirtualLoop, ends: tuple[End, End]) -> None:
    press(loop, ends[0], "123", "456")
    assert "".join(ends[1].keys) == "123456"


def test_what_is_no_key_is_an_error(loop: VirtualLoop, ends: tuple[End, End]) -> None:
    with pytest.raises(ValueError, match="substring"):
        press(loop, ends[0], "x")
