"""A guardrail of word lists: needs no network, and judges each word as it comes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.agents.guardrails import PASSED, Category, GuardContext, Verdict

OFFENSIVE = (
    "arsehole(s)?",
    "asshole(s)?",
    "bastard(s)?",
    "bitch(es)?",
    "bullshit",
    "dickhead(s)?",
    "dumbass",
    "fuck(s|ed|er|ers|ing)?",
    "motherfuck(er|ers|ing)",
    "piss off",
    "shit(s|ty)?",
    "slut(s)?",
    "wanker(s)?",
    "whore(s)?",
    "(you are|you're) (an idiot|a moron|stupid|so stupid|worthless|pathetic)",
    "shut up",
)
"""Insults and swear words; each a regular expression for whole words."""

VIOLENCE = (
    "(i|we)( will|'ll| am going to|'m going to| are going to) (kill|hurt|stab|shoot|beat|strangle)"
    " (you|him|her|them)",
    "(kill|hurt|shoot|stab|hang) yourself",
    "how to (make|build) a bomb",
    "(you|they) (should|deserve to) (die|be killed|be shot)",
    "beat (you|him|her|them) up",
)
"""Threats, and calls to violence."""

OFF_BRAND = (
    "(we are|we're|this company is|our company is) (terrible|awful|a scam|crooks|a joke)",
    "our (service|network|support|product|products) (is|are) (terrible|awful|garbage|a scam)",
    "(switch|go) to (one of )?our competitor(s)?",
)
"""What a company's own agent never says of it."""

_LOOK_ALIKES = str.maketrans("013457@$’", "oieastas'")


@dataclass(frozen=True, slots=True)
class WordRules:
    """Judges by regular expressions, for whole words, in any case and without accents.

    :ivar words: those of each category; an agent set may give its own, such as the names of
        competitors under ``off_brand``.
    """

    name: str = "words"
    stride: int = 1
    timeout: float = 1.0
    blocks_when_away: bool = False
    words: Mapping[Category, Iterable[str]] = field(
        default_factory=lambda: {
            Category.OFFENSIVE: OFFENSIVE,
            Category.VIOLENCE: VIOLENCE,
            Category.OFF_BRAND: OFF_BRAND,
        },
        repr=False,
    )
    _patterns: dict[Category, re.Pattern[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "_patterns",
            {category: _any_of(words) for category, words in self.words.items()},
        )

    async def judge(self, text: str, context: GuardContext) -> Verdict:
        spoken = _folded(text)
        for category, pattern in self._patterns.items():
            if found := pattern.search(spoken):
                return Verdict(category, f"it says “{found[0]}”")
        return PASSED


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")


def _folded(text: str) -> str:
    letters = text.casefold()
    if not letters.isascii():
        decomposed = unicodedata.normalize("NFKD", letters)
        letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(letters.translate(_LOOK_ALIKES).split())
