"""Opus packets back to PCM, as a gateway that loses nothing hears them."""

from collections.abc import Iterable

from client.python.bench.opus import OpusDecoder
from client.python.levels import Samples


def decoded(payloads: Iterable[bytes], rate: int) -> list[Samples]:
    """The audio of each packet at `rate` Hz."""
    decoder = OpusDecoder(rate)
    frames = [decoder.decode(payload).copy() for payload in payloads]
    decoder.close()
    return frames
