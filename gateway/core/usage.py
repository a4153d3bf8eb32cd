"""What a session has used of its models, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Final

MAX_MODELS: Final = 16
"""Models of which a session keeps count; what others use is counted under :data:`OTHERS`."""

OTHERS: Final = "others"

_MILLION = 1_000_000
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by modality and direction; ``…_cached`` are part of ``…_in``.

    :ivar audio_seconds: of audio, from models that are paid by its duration.
    """

    text_in: int = 0
    text_cached: int = 0
    text_out: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    audio_out: int = 0
    audio_seconds: float = 0.0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and for a minute of audio. Cached None: as those that are
    not.
    """

    text_in: float = 0.0
    text_out: float = 0.0
    text_cached: float | None = None
    audio_in: float = 0.0
    audio_out: float = 0.0
    audio_cached: float | None = None
    audio_minute: float = 0.0

    def of(self, tokens: Tokens) -> float:
        """US dollars."""
        text_cached = self.text_in if self.text_cached is None else self.text_cached
        audio_cached = self.audio_in if self.audio_cached is None else self.audio_cached
        by_token = (
            (tokens.text_in - tokens.text_cached) * self.text_in
            + tokens.text_cached * text_cached
            + tokens.text_out * self.text_out
            + (tokens.audio_in - tokens.audio_cached) * self.audio_in
            + tokens.audio_cached * audio_cached
            + tokens.audio_out * self.audio_out
        )
        return by_token / _MILLION + tokens.audio_seconds / 60 * self.audio_minute


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model did. ``cost_usd``, to a millionth, None: its price is not known."""

    tokens: Tokens
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What a session used. ``cost_usd``: of the models whose price is known; None: of none."""

    total: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    models: Mapping[str, ModelUsage] = field(default_factory=dict)


class Usage:
    """One session's count.

    :param prices: by the model's name.
    """

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = prices
        self._models: dict[str, Tokens] = {}

    def add(self, model: str, tokens: Tokens) -> None:
        """``model`` did this much more."""
        if model not in self._models and len(self._models) >= MAX_MODELS:
            model = OTHERS
        self._models[model] = self._models.get(model, Tokens()) + tokens

    def report(self) -> UsageReport:
        """What was used until now."""
        models = {
            name: ModelUsage(tokens, round(price.of(tokens), 6) if price is not None else None)
            for name, tokens in self._models.items()
            for price in [price_of(name, self._prices)]
        }
        costs = [used.cost_usd for used in models.values() if used.cost_usd is not None]
        total = sum(self._models.values(), Tokens())
        return UsageReport(total, round(sum(costs), 6) if costs else None, models)


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """A model's price; a dated snapshot costs what its model does, unless it has its own."""
    return prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
