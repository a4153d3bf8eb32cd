"""What a stream makes of the listener's wishes and reports, and of RED."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.core.media_time import FRAME_SECONDS
from gateway.media.opus import has_fec
from tests.gateway.core.talk import red
from tests.gateway.media.streams import (
    BOTH_WAYS,
    OPUS,
    alone,
    joined,
    packets,
    speech,
)
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop
from tests.net import VirtualNetwork


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def test_what_was_lost_is_played_from_the_copy_in_the_next_packet(loop: VirtualLoop) -> None:
    intact, hurt = alone(loop), alone(loop)
    sent = packets(loop, speech(59))
    hurt.stream.agree(replace(BOTH_WAYS, red=63))
    for number, packet in enumerate(sent):
        intact.stream.receive(packet.serialize())
        if number % 7 != 3:
            before = sent[max(0, number - 1) : number]
            hurt.stream.receive(red(packet, *before).serialize())
        loop.advance(FRAME_SECONDS)
    assert hurt.heard == intact.heard, "nothing was guessed"
    stats = hurt.stream.stats()
    assert (stats.packets_mended, stats.packets_late, stats.concealed_percent) == (8, 0, 0)


def test_red_that_nobody_agreed_on_is_no_audio(loop: VirtualLoop) -> None:
    b = alone(loop)
    b.stream.receive(red(packets(loop, speech(1))[0]).serialize())
    assert (b.stream.rejected, b.heard) == (1, b"")


# -- down


@pytest.mark.parametrize(("wish", "most"), [({}, 80_000), ({"maxaveragebitrate": "24000"}, 24_000)])
def test_no_more_is_sent_than_the_peer_would_like(
    loop: VirtualLoop, wish: dict[str, str], most: int
) -> None:
    a = alone(loop)
    a.stream.agree(replace(BOTH_WAYS, codec=replace(OPUS, parameters=wish)))
    for frame in speech(100):
        a.stream.send(frame, 0, False)
    rate = 8 * sum(len(packet.payload) for packet in a.rtp) / 2
    assert 0.8 * most < rate < 1.1 * most


def test_a_caller_who_reports_loss_gets_fec_and_hears_nearly_everything(loop: VirtualLoop) -> None:
    codec = replace(OPUS, parameters={"useinbandfec": "1"})
    a, b = joined(loop, VirtualNetwork(3, loss=0.1))
    a.stream.agree(replace(BOTH_WAYS, codec=codec))
    for end in (a, b):
        end.stream.start()
    a.say(speech(400))
    assert a.stream.stats().sending_fec
    mended = b.stream.stats().packets_mended
    a.say(speech(400))
    assert not any(has_fec(packet.payload) for packet in a.rtp[:25])
    assert sum(has_fec(packet.payload) for packet in a.rtp[400:]) > 200
    assert b.stream.stats().packets_mended > mended + 15


def test_a_caller_without_fec_gets_none(loop: VirtualLoop) -> None:
    a, b = joined(loop, VirtualNetwork(3, loss=0.1))
    for end in (a, b):
        end.stream.start()
    a.say(speech(400))
    assert a.stream.stats().remote_loss_percent
    assert not a.stream.stats().sending_fec
    assert not any(has_fec(packet.payload) for packet in a.rtp)


@pytest.mark.parametrize("wish", ["1", "999999999", "no number", "-5", ""])
def test_a_senseless_wish_does_no_harm(loop: VirtualLoop, wish: str) -> None:
    a = alone(loop)
    codec = replace(OPUS, parameters={"maxaveragebitrate": wish})
    a.stream.agree(replace(BOTH_WAYS, codec=codec))
    a.stream.send(speech(1)[0], 0, True)
    assert len(a.rtp) == 1


# -- RTCP
