"""How we encode for one listener: by what it asks for, and by what gets lost on the way to it.

Theory of operation. On a clean path CELT sounds best for its cost, but its packets cannot carry
in-band FEC. Coded as speech (SILK, or hybrid with CELT above 8 kHz) they can, at six times the
CPU; so FEC is for paths on which the listener's RTCP reports show loss. ``docs/opus.md`` has the
measurements behind every number here.

| path  | becomes | when                                         |
|-------|---------|----------------------------------------------|
| clean | lossy   | more than 3 % of the packets were lost       |
| lossy | clean   | less than 1 %, in all reports of 15 seconds  |

The share is one over the packets reported lately, not over reports: a report that covers five
packets says little, one that covers five seconds is believed at once. While nothing is sent,
nothing is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from gateway.core.sdp_grammar import parse_number

BITRATE: Final = 80_000
"""Bits per second on a clean path."""
LOSSY_BITRATE: Final = 40_000
"""Bits per second on a lossy one, FEC included: what is lost may well be what is too much."""
LEAST_CELT_BITRATE: Final = 64_000
"""Below it, coding as speech sounds so much better that it is worth its CPU on any path."""
CELT_COMPLEXITY: Final = 0
"""Complexity 5 at 64 kb/s sounds no better, for nearly twice the CPU."""
SPEECH_COMPLEXITY: Final = 5
MIN_BITRATE: Final = 6_000
MAX_BITRATE: Final = 510_000
"""RFC 7587 §6.1."""

LOSSY: Final = 0.03
CLEAN: Final = 0.01
"""Shares of packets lost, at which a path becomes lossy and clean again."""
CALM_SECONDS: Final = 15.0
MEMORY_PACKETS: Final = 250
"""Packets after which a report weighs a third: 5 s of speech, as often as browsers report."""
LEAST_PACKETS: Final = 200
"""A share of fewer packets counts as one of so many."""

EXPECTED_LOSS: Final = range(10, 26)
"""Percent told to libopus. Less gains nothing, and leaves FEC out at low bitrates; it takes no
notice of more."""

FULL_RATE: Final = 48_000


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What an Opus encoder may change between two packets.

    :ivar bitrate: bits per second.
    :ivar speech: code as speech (SILK, hybrid); otherwise CELT.
    :ivar fec: carry each frame again in the next packet, coarser; only when coded as speech.
    :ivar expected_loss: percent of packets, 0–100, for which FEC is dimensioned.
    :ivar constant_bitrate: all packets have one size.
    :ivar playback_rate: Hz that the listener renders; what it would not hear is not coded.
    :ivar complexity: of the search for the best coding, 0 (cheap) to 10.
    """

    bitrate: int = BITRATE
    speech: bool = False
    fec: bool = False
    expected_loss: int = 0
    constant_bitrate: bool = False
    playback_rate: int = FULL_RATE
    complexity: int = CELT_COMPLEXITY


@dataclass(frozen=True, slots=True)
class ListenerWishes:
    """What a peer's ``a=fmtp`` asks of the one who sends to it (RFC 7587 §6.1).

    :ivar max_bitrate: ``maxaveragebitrate``, bits per second.
    :ivar fec: ``useinbandfec``; a listener that does not say so cannot use it.
    :ivar constant_bitrate: ``cbr``.
    :ivar playback_rate: ``maxplaybackrate``, Hz.
    """

    max_bitrate: int = MAX_BITRATE
    fec: bool = False
    constant_bitrate: bool = False
    playback_rate: int = FULL_RATE

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Self:
        """From a codec's parameters; one that makes no sense counts as not given."""
        bitrate = parse_number(parameters.get("maxaveragebitrate", ""), MAX_BITRATE)
        rate = parse_number(parameters.get("maxplaybackrate", ""), FULL_RATE)
        return cls(
            max_bitrate=MAX_BITRATE if bitrate is None else max(MIN_BITRATE, bitrate),
            fec=parameters.get("useinbandfec") == "1",
            constant_bitrate=parameters.get("cbr") == "1",
            playback_rate=rate or FULL_RATE,
        )


class _Path(Enum):
    CLEAN = "clean"
    LOSSY = "lossy"


class EncoderPolicy:
    """Chooses the settings for one listener. Sans-IO; ``now`` is monotonic seconds."""

    def __init__(self) -> None:
        self.wishes = ListenerWishes()
        """May change at any time: what is known of the path stays."""
        self._path = _Path.CLEAN
        self._lost = self._reported = 0.0
        self._calm_since: float | None = None

    @property
    def loss(self) -> float:
        """Share of the packets reported lately that were lost, 0–1."""
        return self._lost / max(self._reported, LEAST_PACKETS)

    def on_report(self, loss: float, packets: int, now: float) -> None:
        """Learn from a report of the listener.

        :param loss: share lost, 0–1, of the ``packets`` that the report covers.
        """
        if packets <= 0:
            return
        kept = math.exp(-packets / MEMORY_PACKETS)
        self._lost = kept * self._lost + loss * packets
        self._reported = kept * self._reported + packets
        if self.loss >= CLEAN:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        match self._path:
            case _Path.CLEAN if self.loss > LOSSY:
                self._path = _Path.LOSSY
            case _Path.LOSSY if self._calm_since is not None:
                if now - self._calm_since >= CALM_SECONDS:
                    self._path = _Path.CLEAN

    @property
    def settings(self) -> EncoderSettings:
        """What to encode with from now on."""
        wishes = self.wishes
        # Without FEC, coding as speech would help a lossy path little (docs/opus.md).
        fec = self._path is _Path.LOSSY and wishes.fec
        bitrate = min(LOSSY_BITRATE if fec else BITRATE, wishes.max_bitrate)
        speech = fec or bitrate < LEAST_CELT_BITRATE
        percent = math.ceil(100 * self.loss)
        return EncoderSettings(
            bitrate=bitrate,
            speech=speech,
            fec=fec,
            expected_loss=max(EXPECTED_LOSS[0], min(percent, EXPECTED_LOSS[-1])) if fec else 0,
            constant_bitrate=wishes.constant_bitrate,
            playback_rate=wishes.playback_rate,
            complexity=SPEECH_COMPLEXITY if speech else CELT_COMPLEXITY,
        )
