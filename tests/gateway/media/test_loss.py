"""A caller's voice over a bad path: encoder, network, window and decoder together."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.core.encoding import EncoderSettings
from gateway.core.jitter import Action, Conceal, Play, ReceiveWindow, Recover
from gateway.core.rtp import RtpPacket, opus_duration
from gateway.media.opus import OpusDecoder, OpusEncoder, has_fec
from tests.net import VirtualNetwork

RATE, FRAME, COUNT = 24_000, 480, 500
CLOCK_RATIO = 2


def speech() -> bytes:
    time = np.arange(COUNT * FRAME) / RATE
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.9 * time)) / RATE
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 12))
    loudness = 0.2 + 0.8 * np.abs(np.sin(2 * np.pi * 2 * time))
    return (3_000 * loudness * tone).astype("<i2").tobytes()


def decode(decoder: OpusDecoder, action: Action) -> bytes:
    match action:
        case Play(payload=payload):
            return decoder.decode(payload)
        case Recover(payload=payload, samples=samples):
            return decoder.recover(payload, samples // CLOCK_RATIO)
        case Conceal(samples=samples):
            return decoder.conceal(samples // CLOCK_RATIO)
    return bytes(2 * action.samples // CLOCK_RATIO)


def through(network: VirtualNetwork[RtpPacket], pcm: bytes) -> tuple[bytes, ReceiveWindow]:
    encoder = OpusEncoder(
        settings=EncoderSettings(40_000, True, fec=True, expected_loss=10, complexity=5)
    )
    for number in range(COUNT):
        payload = encoder.encode(pcm[2 * FRAME * number : 2 * FRAME * (number + 1)])
        packet = RtpPacket(111, number == 0, number, number * CLOCK_RATIO * FRAME, 1, payload)
        network.send(packet, number * 0.02)
    window = ReceiveWindow(opus_duration, has_fec=has_fec)
    decoder = OpusDecoder()
    heard: list[bytes] = []
    for now, packet in network.deliver(float("inf")):
        while (deadline := window.deadline) is not None and deadline <= now:
            while (action := window.pop(deadline)) is not None:
                heard.append(decode(decoder, action))
        window.push(packet, now)
        while (action := window.pop(now)) is not None:
            heard.append(decode(decoder, action))
    return b"".join(heard), window


@pytest.mark.parametrize("loss", [0.05, 0.1])
def test_a_lossy_path_keeps_every_sample_in_its_place(loss: float) -> None:
    pcm = speech()
    intact, _ = through(VirtualNetwork(3), pcm)
    heard, window = through(VirtualNetwork(3, loss=loss), pcm)
    stats = window.stats
    assert len(heard) == len(intact)
    assert stats.lost == stats.recovered + stats.concealed > 0
    assert stats.recovered > stats.concealed
    # Not one sample shifted: the damage is confined to the holes, and mended well inside them.
    a, b = (np.frombuffer(x, "<i2").astype(float) for x in (intact, heard))
    assert np.corrcoef(a, b)[0, 1] > 0.97
