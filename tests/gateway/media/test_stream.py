from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gateway.core.media_time import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from gateway.core.rtcp import Bye, RtcpError, SenderReport, parse_compound
from gateway.core.rtp import RtpError, sequence_delta, timestamp_delta
from tests.gateway.media.streams import (
    BOTH_WAYS,
    FRAME_BYTES,
    alone,
    joined,
    packets,
    speech,
)
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop
from tests.net import VirtualNetwork

FRAME_TICKS = 960


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def test_what_is_said_is_heard_with_nothing_added_or_lost(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    a.say(speech(100))
    assert len(b.heard) == 100 * FRAME_BYTES
    said = np.frombuffer(b"".join(speech(100)), dtype="<i2").astype(float)
    delays = {d: np.corrcoef(said[: -d or None], b.samples()[d:])[0, 1] for d in range(0, 240, 12)}
    assert max(delays.values()) > 0.9, "the codec's own delay aside, it is what was said"


@pytest.mark.parametrize(
    "network",
    [
        {"loss": 0.05},
        {"loss": 0.1, "burst": 3.0},
        {"reorder": 0.1, "reorder_ms": 15.0, "delay_ms": 20.0},
        {
            **{"loss": 0.05, "burst": 2.0, "jitter_ms": 5.0, "delay_ms": 20.0},
            **{"reorder": 0.05, "reorder_ms": 15.0, "duplicate": 0.05, "drift_ppm": 300.0},
        },
    ],
    ids=["loss", "bursts", "reordering", "everything"],
)
def test_the_time_line_is_unbroken_whatever_the_path_does(
    loop: VirtualLoop, network: dict[str, float]
) -> None:
    frames = speech(500)
    a, intact = joined(loop)
    a.say(frames)
    there = intact.samples()
    c, hurt = joined(loop, VirtualNetwork(7, **network))  # type: ignore[arg-type]
    c.say(frames)
    c.stream.send(frames[-1], 0, False)  # shows what was lost before it
    loop.advance(0.09)
    assert len(there) == 500 * FRAME_SAMPLES
    assert len(hurt.heard) % FRAME_BYTES == 0
    assert len(hurt.heard) // FRAME_BYTES in (500, 501)
    assert np.corrcoef(there, hurt.samples()[: len(there)])[0, 1] > 0.9, "not one sample shifted"
    stats = hurt.stream.stats()
    assert (stats.concealed_percent > 1) == ("loss" in network)


def test_a_stream_that_starves_goes_on_as_silence(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    a.say(speech(50))
    loop.advance(2.0)
    starved = b.samples()[50 * FRAME_SAMPLES :]
    assert len(starved) == pytest.approx(1.9 * SAMPLE_RATE, rel=0.03), "at real-time rate"
    assert not starved.any()


def test_silence_that_was_filled_in_is_not_counted_twice(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    a.say(speech(50))
    loop.advance(0.5)
    a.stream.send(speech(1)[0], round(0.5 * SAMPLE_RATE), True)
    loop.advance(0.001)
    assert len(b.heard) // 2 == pytest.approx(51 * FRAME_SAMPLES + 0.5 * SAMPLE_RATE, abs=1)


@pytest.mark.parametrize("corrupt", [b"\xff", b"\x03", b"\xfb\x41\xfe"])
def test_a_payload_that_cannot_be_decoded_is_concealed(loop: VirtualLoop, corrupt: bytes) -> None:
    b = alone(loop)
    sent = packets(loop, speech(20))
    sent[10] = sent[10]._replace(payload=corrupt)
    for packet in sent:
        b.stream.receive(packet.serialize())
        loop.advance(FRAME_SECONDS)
    frame = b.samples()[10 * FRAME_SAMPLES : 11 * FRAME_SAMPLES]
    assert len(b.heard) == 20 * FRAME_BYTES
    assert frame.any(), "guessed from what came before, not cut out"


def test_undecodable_audio_is_counted(loop: VirtualLoop) -> None:
    b = alone(loop)
    sent = packets(loop, speech(3))
    # Four frames of SILK in three bytes: the length is right by its TOC, the rest is not.
    b.stream.receive(sent[0]._replace(payload=b"\x0b\xc4\xff").serialize())
    assert b.stream.rejected == 1
    assert len(b.heard) == 4 * FRAME_BYTES


def test_another_payload_type_is_rejected(loop: VirtualLoop) -> None:
    b = alone(loop)
    for packet in packets(loop, speech(3)):
        b.stream.receive(packet._replace(payload_type=96).serialize())
    assert (b.stream.received, b.stream.rejected) == (0, 3)
    assert b.heard == b""


def test_what_is_no_audio_keeps_its_place_in_the_sequence(loop: VirtualLoop) -> None:
    b = alone(loop)
    sent = packets(loop, speech(12))
    # A key was pressed: one packet of the sequence is an event, the audio goes on where it was.
    event = sent[6]._replace(payload_type=101, timestamp=sent[5].timestamp, payload=bytes(4))
    later = [p._replace(timestamp=(p.timestamp - FRAME_TICKS) & 0xFFFFFFFF) for p in sent[7:]]
    for packet in (*sent[:6], event, *later):
        b.stream.receive(packet.serialize())
    assert len(b.heard) == 11 * FRAME_BYTES, "and nobody waited for it"
    assert b.stream.stats().concealed_percent == 0
    assert b.stream.rejected == 1


def test_another_payload_type_of_another_source_changes_nothing(loop: VirtualLoop) -> None:
    b = alone(loop)
    sent = packets(loop, speech(4))
    b.stream.receive(sent[0].serialize())
    b.stream.receive(sent[1]._replace(payload_type=96, ssrc=1).serialize())
    b.stream.receive(sent[1].serialize())
    assert len(b.heard) == 2 * FRAME_BYTES
    assert b.stream._rtcp.reception.received_packets == 2


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(12), b"\x80\x6f" + bytes(5)])
def test_no_packet_is_an_error(loop: VirtualLoop, data: bytes) -> None:
    b = alone(loop)
    with pytest.raises(RtpError):
        b.stream.receive(data)
    with pytest.raises(RtcpError):
        b.stream.receive_rtcp(data)


def test_a_peer_on_hold_is_neither_heard_nor_starved(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    a.say(speech(10))
    b.stream.agree(replace(BOTH_WAYS, receive=False))
    a.say(speech(10))
    loop.advance(1.0)
    assert len(b.heard) == 10 * FRAME_BYTES
    assert b.stream.rejected == 10
    b.stream.agree(BOTH_WAYS)
    a.say(speech(10))
    assert len(b.heard) == 20 * FRAME_BYTES


def test_a_stream_without_audio_takes_none(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    b.stream.agree(None)
    a.say(speech(3))
    b.say(speech(3))
    assert (b.heard, b.rtp) == (b"", [])


def test_packets_follow_one_another(loop: VirtualLoop) -> None:
    a = alone(loop)
    frame = speech(1)[0]
    a.stream.send(frame, 0, True)
    a.stream.send(frame, 0, False)
    a.stream.send(frame, SAMPLE_RATE, True)
    assert [packet.marker for packet in a.rtp] == [True, False, True]
    assert {packet.payload_type for packet in a.rtp} == {111}
    pairs = list(zip(a.rtp, a.rtp[1:], strict=False))
    assert [sequence_delta(y.sequence, x.sequence) for x, y in pairs] == [1, 1]
    assert [timestamp_delta(y.timestamp, x.timestamp) for x, y in pairs] == [
        FRAME_TICKS,
        FRAME_TICKS + 48_000,
    ]
    assert a.rtp[0].sequence < 0x8000


def test_a_caller_on_hold_misses_time_but_no_packet(loop: VirtualLoop) -> None:
    a = alone(loop)
    frame = speech(1)[0]
    a.stream.send(frame, 0, True)
    a.stream.agree(replace(BOTH_WAYS, send=False))
    a.stream.send(frame, 0, False)
    a.stream.agree(BOTH_WAYS)
    a.stream.send(frame, 0, False)
    first, second = a.rtp
    assert sequence_delta(second.sequence, first.sequence) == 1
    assert timestamp_delta(second.timestamp, first.timestamp) == 2 * FRAME_TICKS
    assert a.stream.stats().packets_sent == 2


def test_reports_tell_both_ends_about_the_path(loop: VirtualLoop) -> None:
    a, b = joined(
        loop, VirtualNetwork(3, delay_ms=40.0, loss=0.1), VirtualNetwork(4, delay_ms=40.0)
    )
    for end in (a, b):
        end.stream.start()
    frame = speech(1)[0]
    for _ in range(500):
        a.stream.send(frame, 0, False)
        b.stream.send(frame, 0, False)
        loop.advance(FRAME_SECONDS)
    here, there = a.stream.stats(), b.stream.stats()
    assert here.rtt_ms == pytest.approx(80, abs=2)
    assert here.remote_loss_percent == pytest.approx(10, abs=8)
    assert here.loss_percent == 0
    assert there.loss_percent == pytest.approx(10, abs=8)
    assert there.packets_received == pytest.approx(450, abs=30)
    assert here.packets_sent == 500
    assert any(isinstance(parse_compound(data)[0], SenderReport) for data in a.rtcp)


def test_the_end_is_announced(loop: VirtualLoop) -> None:
    a = alone(loop)
    a.stream.say_bye()
    assert any(isinstance(packet, Bye) for packet in parse_compound(a.rtcp[0]))


# -- closing


def test_nothing_happens_after_the_end(loop: VirtualLoop) -> None:
    a, b = joined(loop)
    for end in (a, b):
        end.stream.start()
    a.say(speech(10))
    heard, reports = len(b.heard), len(b.rtcp)
    sent = packets(loop, speech(1))[0]
    for end in (a, b):
        end.stream.close()
    assert loop.pending_timers() == 0
    b.stream.receive(sent.serialize())
    b.stream.send(speech(1)[0], 0, True)
    b.stream.close()
    loop.advance(10.0)
    assert (len(b.heard), len(b.rtcp), b.rtp) == (heard, reports, [])


def test_a_listener_may_end_the_stream(loop: VirtualLoop) -> None:
    b = alone(loop)
    sent = packets(loop, speech(6))

    def hang_up(pcm: bytes) -> None:
        b.heard.extend(pcm)
        b.stream.close()

    b.stream._on_audio = hang_up
    for packet in (sent[1], sent[0]):
        b.stream.receive(packet.serialize())
    assert len(b.heard) == FRAME_BYTES
    assert loop.pending_timers() == 0
