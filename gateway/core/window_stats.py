"""What became of a received stream: the counters of the receive window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class WindowStats:
    """What became of the packets (counts) and of the time line (samples of the RTP clock)."""

    received: int = 0
    empty: int = 0
    """Packets without a payload: they keep the sequence and carry no time."""
    invalid: int = 0
    """Packets whose payload has no duration; their time is concealed."""
    late: int = 0
    """Packets that came after their place was filled."""
    duplicate: int = 0
    reordered: int = 0
    """Packets that came out of order, and in time."""
    jumps: int = 0
    """Packets over ``MAX_STEP`` off the sequence; dropped unless the next one shows a restart."""
    lost: int = 0
    """Sequence numbers given up."""
    redundant: int = 0
    """Missing packets of which a later one brought a copy (RED); neither received nor lost."""
    recovered: int = 0
    """Packets of those lost whose time came from FEC."""
    concealed: int = 0
    """Packets of those lost whose time was concealed, or silent when there was too much of it."""
    resets: int = 0
    """Restarts of the stream: another SSRC, or a jump in the sequence."""
    talkspurts: int = 0
    """Jumps of the timestamps that were not filled."""
    played_samples: int = 0
    recovered_samples: int = 0
    concealed_samples: int = 0
    silence_samples: int = 0

    @property
    def mended(self) -> int:
        """Packets that did not come in time, and whose sound was there all the same."""
        return self.redundant + self.recovered

    @property
    def concealed_percent(self) -> float:
        """Share of the sound, silence left out, that was guessed; 0 before there is any."""
        sound = self.sound_samples
        return round(100 * self.concealed_samples / sound, 2) if sound else 0.0

    @property
    def sound_samples(self) -> int:
        """Samples of the RTP clock, silence left out."""
        return self.played_samples + self.recovered_samples + self.concealed_samples
