"""Packets as long as the peer would like: on the wire, in time, and in what counts as heard."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.description import Codec
from gateway.core.media_time import PACKET_MS, SAMPLE_RATE
from gateway.core.negotiation import AudioAgreement
from gateway.core.playout import Playout
from gateway.core.rtp import RtpPacket, timestamp_delta
from gateway.media.codecs import CODECS
from gateway.media.leg import LegState
from gateway.media.pacer import Pacer
from tests.gateway.media.phones import GatewayPhoneEnd, Phone
from tests.gateway.media.signals import level_at, samples, tones
from tests.gateway.media.streams import End, joined
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop

TYPES = {"pcmu": 0, "pcma": 8, "g722": 9, "opus": 96}


def agreed(name: str, ms: int) -> AudioAgreement:
    rate = 48_000 if name == "opus" else 8_000
    codec = Codec(name, TYPES[name], rate, 2 if name == "opus" else 1)
    return AudioAgreement("0", codec, codec.payload_type, True, True, ptime=ms)


def frames(pcm: bytes, size: int) -> list[bytes]:
    return [pcm[at : at + 2 * size] for at in range(0, len(pcm), 2 * size)]


class Call:
    """A playout, a pacer and a stream, whose other end hears."""

    def __init__(self, loop: VirtualLoop, audio: AudioAgreement) -> None:
        self.loop = loop
        self.near: End
        self.near, self.far = joined(loop)
        self.playout = Playout()
        self.times: list[float] = []

        async def make() -> Pacer:
            return Pacer(self.playout, self._send, lambda items, drained: None)

        self.pacer = loop.run_until_complete(make())
        self.agree(audio)

    def agree(self, audio: AudioAgreement) -> None:
        for end in (self.near, self.far):
            end.stream.agree(audio)
        self.pacer.use_frames(audio.packet_samples)

    def _send(self, pcm: bytes, skipped: int, talkspurt: bool) -> None:
        self.times.append(self.loop.time())
        self.near.stream.send(pcm, skipped, talkspurt)

    def say(self, pcm: bytes) -> None:
        self.playout.push("a", pcm)
        self.playout.finish("a")
        self.pacer.wake()

    def close(self) -> None:
        self.pacer.close()
        for end in (self.near, self.far):
            end.stream.close()


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("ms", PACKET_MS)
def test_each_codec_in_packets_of_each_length(loop: VirtualLoop, name: str, ms: int) -> None:
    audio = agreed(name, ms)
    length = audio.packet_samples
    assert length == SAMPLE_RATE // 1000 * (20 if (name, ms) == ("opus", 30) else ms)
    call = Call(loop, audio)
    said = np.rint(tones(1_000, seconds=1.2)).astype("<i2").tobytes()
    call.say(said)
    loop.advance(2.0)
    call.close()
    seconds = length / SAMPLE_RATE
    voiced = round(1.2 / seconds)
    assert np.diff(call.times[:voiced]) == pytest.approx(seconds)
    packets = call.near.rtp
    silent = (len(packets) - voiced) * seconds
    assert 0.1 <= silent < 0.1 + seconds, "as much silence after it, whatever the length"
    steps = {timestamp_delta(b.timestamp, a.timestamp) for a, b in itertools.pairwise(packets)}
    codec = CODECS[name]
    assert steps == {round(seconds * codec.clock_rate)}
    assert {codec.duration_of(packet.payload) for packet in packets} == steps
    heard = call.far.samples()
    assert level_at(heard[6_000:24_000], 1_000) == pytest.approx(6_000, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["pcmu", "g722", "opus"]),
    st.lists(st.tuples(st.sampled_from(PACKET_MS), st.integers(1, 12)), min_size=1, max_size=6),
    st.booleans(),
)
def test_a_barge_in_cuts_at_what_was_sent_however_often_the_length_changes(
    name: str, spells: list[tuple[int, int]], late: bool
) -> None:
    with virtual_loop() as loop:
        call = Call(loop, agreed(name, spells[0][0]))
        call.say(b"\1\2" * SAMPLE_RATE * 10)
        for ms, grid in spells:
            call.agree(agreed(name, ms))
            loop.advance(grid * 0.035, late=0.007 if late else 0.0)
        codec = CODECS[name]
        sent = sum(codec.duration_of(packet.payload) for packet in call.near.rtp)
        (cut,) = call.playout.interrupt()
        assert cut.heard_samples == sent * SAMPLE_RATE // codec.clock_rate
        assert not call.playout.owed_samples
        first, last = call.near.rtp[0], call.near.rtp[-1]
        passed = timestamp_delta(last.timestamp, first.timestamp)
        assert passed + codec.duration_of(last.payload) == sent, "one time line, without a hole"
        ahead = cut.heard_samples / SAMPLE_RATE - loop.time()
        assert -0.011 <= ahead <= 0.07, "at the pace of time, to a packet"
        call.close()


@pytest.mark.parametrize("name", TYPES)
def test_a_codec_goes_on_where_lengths_change(name: str) -> None:
    """No click: the packets of a tone in changing lengths are heard as those of one length."""
    codec = CODECS[name]
    said = np.rint(tones(700, seconds=1.2)).astype("<i2").tobytes()

    def through(*sizes: int) -> np.ndarray:
        encoder, decoder = codec.encoder(), codec.decoder()
        lengths, at, heard = itertools.cycle(sizes), 0, b""
        while at < len(said):
            size = 48 * next(lengths)
            heard += decoder.decode(encoder.encode(said[at : at + size].ljust(size, b"\0")))
            at += size
        return samples(heard)[:28_800]

    even, uneven = through(20), through(10, 40, 20, 60, 10)
    if name == "opus":  # It codes each length in another way.
        assert level_at(uneven[4_800:24_000], 700) == pytest.approx(6_000, rel=0.05)
    else:
        assert np.array_equal(even[: len(uneven)], uneven)


@pytest.mark.parametrize(("line", "size"), [("a=ptime:60", 480), ("a=maxptime:10", 80)])
async def test_a_phone_gets_packets_as_it_asks(line: str, size: int) -> None:
    gateway = GatewayPhoneEnd()
    phone = await Phone.ring()
    try:
        phone.accept(await gateway.leg.answer(f"{phone.offer()}{line}\r\n"))
        await phone.say(0.04)
        await gateway.session.until_state(LegState.CONNECTED)
        gateway.say(0.18)
        await gateway.session.until(lambda: gateway.session.played == ["item"])
        packets: list[RtpPacket] = phone.rtp.rtp
        assert {len(packet.payload) for packet in packets} == {size}
    finally:
        await gateway.leg.close()
        await phone.close()
