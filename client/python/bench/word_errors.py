"""Word errors: how far what was recognised is from what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation. Figures are not words: spell them before."""
    plain = text.lower().replace("’", "'").replace("good-bye", "goodbye")
    return re.findall(r"[a-z]+(?:'[a-z]+)*", plain)


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words that were substituted, left out and added (Levenshtein)."""
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, 1):
            substituted = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(substituted, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1]
