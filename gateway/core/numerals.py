"""English numbers as people say them on the telephone."""

from __future__ import annotations

import itertools
import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_DIGIT_WORDS = {word: str(value) for value, word in enumerate(_ONES)} | {"oh": "0", "o": "0"}
_TENS_WORDS = {word: str(value) for value, word in enumerate(_TENS) if value > 1}
_REPEATS = {"double": 2, "triple": 3}


def in_words(number: int) -> str:
    """0 to 99 in words: ``forty two``. Raises ValueError outside that."""
    if not 0 <= number < 100:
        raise ValueError(f"{number} is not between 0 and 99")
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] if not ones else f"{_TENS[tens]} {_ONES[ones]}"


def spelled(text: str) -> str:
    """``text`` with its figures in words: below a hundred as one number, else digit by digit."""

    def words(figures: re.Match[str]) -> str:
        number = int(figures[0])
        parts = [number] if number < 100 else map(int, figures[0])
        return f" {' '.join(map(in_words, parts))} "

    return re.sub(r"\d+", words, text)


def number_from(text: str) -> int | None:
    """The number ``text`` begins with, in words up to ``nine hundred``; None if it does not."""
    words = text.replace("-", " ").split()
    if not words:
        return None
    if words[0].isdecimal():
        return int(words[0][:9])
    by_words = {in_words(number): number for number in range(100)}
    number = by_words.get(" ".join(words[:2]), by_words.get(words[0]))
    return number * 100 if number is not None and words[1:2] == ["hundred"] else number


def digits_in(text: str) -> str:
    """The longest run of digits as a number is dictated: "five five five 1234" is ``5551234``.

    Separators inside figures ("555-1234") do not end a run; any other word does. "Oh" is a zero,
    "double five" two fives, and "forty two" 42.
    """
    runs, run, times = [], "", 1
    words = re.findall(r"[a-z']+|\d+", text.lower())
    for word, following in itertools.zip_longest(words, words[1:], fillvalue=""):
        digits = word if word.isdecimal() else _DIGIT_WORDS.get(word, "")
        if word in _TENS_WORDS:
            digits = _TENS_WORDS[word] + ("" if following in _ONES[1:10] else "0")
        if digits:
            run += digits * times
            times = 1
        elif word in _REPEATS:
            times = _REPEATS[word]
        else:
            runs.append(run)
            run, times = "", 1
    return max([*runs, run], key=len)


def spoken_digits(digits: str, zero: str = "zero") -> str:
    """Digits as words in the groups a telephone number is read in: three, three, the rest."""
    words = [_ONES[int(digit)] if digit != "0" else zero for digit in digits]
    cuts = [3, 6] if len(words) > 7 else [3]
    bounds = [0, *[cut for cut in cuts if cut < len(words)], len(words)]
    groups = [words[a:b] for a, b in itertools.pairwise(bounds)]
    return ", ".join(" ".join(group) for group in groups)


def spoken_keys(keys: str) -> str:
    """The keys of a telephone, of ``0-9*#A-D``, as words."""
    names = {"*": "star", "#": "pound"}
    return ", ".join(_ONES[int(k)] if k.isdecimal() else names.get(k, k) for k in keys)
