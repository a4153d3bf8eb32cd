"""What the network between caller and gateway does to the caller's packets."""

from __future__ import annotations

from dataclasses import dataclass

_KEYS = ("loss", "burst", "jitter", "reorder")


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of network.

    `loss` and `reorder` are shares of packets (0 to 1), `burst` is the mean length of a run of lost
    packets (1: each is lost by itself), `jitter_ms` the most that a packet waits in a queue.
    `one_lost`: nothing is lost but a single packet of each call.
    """

    name: str
    loss: float = 0.0
    burst: float = 1.0
    jitter_ms: float = 0.0
    reorder: float = 0.0
    one_lost: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether every packet arrives at once (but the one that `one_lost` takes)."""
        return not (self.loss or self.jitter_ms or self.reorder)

    @property
    def loss_percent(self) -> int:
        """What an encoder is told to expect."""
        return round(self.loss * 100)


def parse_profile(text: str) -> Profile:
    """`rest`, `one-lost`, or `key=value,…` of `loss` (%), `burst` (packets), `jitter` (ms),
    `reorder` (%).

    Raises `ValueError`, with a sentence, for anything else.
    """
    if text == "rest":
        return Profile(text)
    if text == "one-lost":
        return Profile(text, one_lost=True)
    values = dict(_parse_setting(part) for part in text.split(","))
    profile = Profile(
        text,
        loss=values.get("loss", 0.0) / 100,
        burst=values.get("burst", 1.0),
        jitter_ms=values.get("jitter", 0.0),
        reorder=values.get("reorder", 0.0) / 100,
    )
    if profile.loss >= 1 or profile.reorder > 1:
        raise ValueError(f"{text}: loss must stay under 100 %, reorder must not exceed it")
    if profile.burst != 1 and profile.burst < 1 / (1 - profile.loss):
        raise ValueError(f"{text}: at that loss a run is longer than {profile.burst:g} packets")
    return profile


def _parse_setting(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    if key not in _KEYS:
        raise ValueError(
            f"{text!r} is none of rest, one-lost, {', '.join(f'{k}=…' for k in _KEYS)}"
        )
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{text!r}: {value!r} is not a number") from None
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text!r}: {value!r} is out of range")
    return key, number
