"""What the demonstration agent says: rules, not a language model, and it says so.

`reply` is a function of the conversation alone, so an answer can be prepared while the caller may
still go on speaking and thrown away when he does. English only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.core.numerals import (
    digits_in,
    in_words,
    number_from,
    spoken_digits,
    spoken_keys,
)
from gateway.realtime.protocol import phrase_to_say

Role = Literal["user", "assistant", "tool"]


@dataclass(frozen=True)
class Turn:
    """One side's words in the conversation; empty where nothing could be understood."""

    role: Role
    text: str


@dataclass(frozen=True)
class Situation:
    """All that an answer may depend on."""

    turns: Sequence[Turn]
    instructions: str
    local_time: datetime

    @property
    def heard(self) -> str:
        """The caller's last words as they were recognised."""
        return self._last("user", before_last=0)

    @property
    def heard_before(self) -> str:
        """What the caller said the time before."""
        return self._last("user", before_last=1)

    @property
    def said(self) -> str:
        """The agent's last words."""
        return self._last("assistant", before_last=0)

    @property
    def answers_given(self) -> int:
        """How often the agent has spoken: what rotates its phrasing."""
        return sum(turn.role == "assistant" for turn in self.turns)

    def _last(self, role: Role, before_last: int) -> str:
        texts = [turn.text for turn in self.turns if turn.role == role and turn.text]
        return texts[-1 - before_last] if len(texts) > before_last else ""


Sentences = tuple[str, ...]

GREETING: Sentences = (
    "Hello, this is the Talkpath demonstration agent.",
    "I follow simple rules, I am not a real assistant, but I do hear you.",
    "How can I help?",
)
_INTRODUCTION: Sentences = (
    "I am the Talkpath demonstration agent.",
    "I run on this machine alone, without a network, and I answer by simple rules.",
)
_ABILITIES: Sentences = (
    "This is a demonstration, so I know only a few things.",
    "Ask me about opening hours, your bill, your plan, or the nearest store.",
    "You can also read me a phone number, ask for the time, or ask for a story.",
)
_STORY: Sentences = (
    "All right, here is a short story.",
    "Long ago, two villages stood on the two sides of a deep valley.",
    "Nobody could cross it, so people shouted, and the wind carried away half of every word.",
    "One day a girl stretched a long string across the valley and tied a cup to each end.",
    "She whispered good morning, and on the other side an old man heard it as if she stood there.",
    "Soon there were strings everywhere, and a house in the middle where they all met.",
    "In that house sat a patient woman who joined one string to another, day and night.",
    "They called her the operator, and she knew everybody's secrets, and told none of them.",
    "And that is the end of the story.",
)
_DEFAULTS: tuple[Callable[[str], Sentences], ...] = (
    lambda heard: (f"I heard: {heard}.", "Is that right?"),
    lambda heard: (f"You said: {heard}.", "As a demonstration, that is all I can make of it."),
    lambda heard: (f"I understood: {heard}.", "Ask me for help to hear what I can do."),
    lambda heard: (f"What reached me was: {heard}.", "Would you like to say more?"),
)
_UNHEARD: tuple[Sentences, ...] = (
    ("Sorry, I did not catch that.", "Could you say it again?"),
    ("I could not make that out.", "Please say it once more."),
    ("Are you still there?", "I did not hear any words."),
)
_WAITING: tuple[Sentences, ...] = (
    ("I am listening.",),
    ("Is there anything else?",),
    ("Take your time, I am still here.",),
)


def _farewell(_: Situation, __: re.Match[str]) -> Sentences:
    return ("Thank you for trying Talkpath.", "Goodbye!")


def _what_you_said(situation: Situation, _: re.Match[str]) -> Sentences:
    if not situation.heard_before:
        return ("You have not said anything before that.",)
    return (f"Before that, you said: {_clause(situation.heard_before)}.",)


def _again(situation: Situation, _: re.Match[str]) -> Sentences:
    if not situation.said:
        return ("I have not said anything yet.",)
    return ("I said:", *split_sentences(situation.said.removeprefix("I said: ")))


def _echo(_: Situation, match: re.Match[str]) -> Sentences:
    return (_clause(match["words"]) + ".",)


def _story(_: Situation, __: re.Match[str]) -> Sentences:
    return _STORY


def _count(_: Situation, match: re.Match[str]) -> Sentences:
    last = min(number_from(match["limit"]) or 10, 50)
    words = [in_words(number) for number in range(1, last + 1)]
    groups = [words[start : start + 5] for start in range(0, len(words), 5)]
    return tuple(", ".join(group).capitalize() + "." for group in groups)


def _time(situation: Situation, _: re.Match[str]) -> Sentences:
    return (f"My clock says {situation.local_time:%I:%M %p}.".replace(" 0", " "),)


def _date(situation: Situation, _: re.Match[str]) -> Sentences:
    today = situation.local_time
    return (f"Today is {today:%A}, {today:%B} {today.day}.",)


def _instructions(situation: Situation, _: re.Match[str]) -> Sentences:
    if not situation.instructions:
        return ("Nobody gave me instructions.", "I only follow the rules of the demonstration.")
    return (
        "I was given instructions, but a demonstration agent cannot follow them.",
        "A real model in my place would.",
    )


def _name(_: Situation, match: re.Match[str]) -> Sentences:
    return (f"Nice to meet you, {match['name'].capitalize()}.", "What can I do for you?")


def _fixed(*sentences: str) -> Callable[[Situation, re.Match[str]], Sentences]:
    return lambda _situation, _match: sentences


_Answer = Callable[[Situation, re.Match[str]], Sentences]
_Rule = tuple[str, _Answer]
_CompiledRules = tuple[tuple[re.Pattern[str], _Answer], ...]

_SMALL_TALK: tuple[_Rule, ...] = (
    (r"\bwhat (did|have) i (just )?(say|said)\b|\brepeat what i\b", _what_you_said),
    (r"\b(say|repeat) after me,? (?P<words>.+)", _echo),
    (r"\b(story|fairy tale)\b", _story),
    (r"\bcount\b.*?\b(to|until|till) (?P<limit>[\w -]+)", _count),
    (r"\bcount (for me|please|something)|^count$", _fixed("One, two, three, four, five.")),
    (r"\bwhat(?: i|')?s the time\b|\bwhat time is it\b|\b(tell me|know) the time\b", _time),
    (r"\bwhat(?: i|')?s (the date|today)\b|\bwhat (day|date) is\b", _date),
    (
        r"\bweather\b",
        _fixed("I have no window and no network.", "So I cannot tell you the weather."),
    ),
    (
        r"\bjoke\b",
        _fixed("Why did the telephone wear glasses?", "Because it had lost all its contacts."),
    ),
)
_RULES: tuple[_Rule, ...] = (
    (r"\b(good ?bye|bye( bye)?|hang up|that(?: i|')?s all|see you)\b", _farewell),
    (
        r"\b(say|repeat) (that|it) (again|once more)|\bwhat did you (just )?say\b"
        r"|^(repeat|pardon|come again|repeat (that|it|please))$",
        _again,
    ),
    *_SMALL_TALK,
    (
        r"\b(opening hours|business hours|hours|when (are|do) you (open|close)|what time do you)\b",
        _fixed(
            "In this demonstration, we are open Monday to Friday from nine to six.",
            "On Saturday we close at two.",
        ),
    ),
    (
        r"\b(bill|billing|invoice|balance|owe|charged?)\b",
        _fixed(
            "This is a demonstration, so your bill is made up.",
            "It comes to forty two dollars, and it is due on the first of the month.",
        ),
    ),
    (
        r"\b(plans?|contract|subscription|data|upgrade|minutes)\b",
        _fixed(
            "In this demonstration, you have the basic plan.",
            "It has unlimited calls and ten gigabytes of data.",
        ),
    ),
    (
        r"\b(store|shop|branch|location|located|address|where are you)\b",
        _fixed(
            "In this demonstration, the nearest store is at one hundred Main Street.",
            "It is next to the railway station.",
        ),
    ),
    (
        r"\bwho are you\b|\bwhat are you\b|\byour name\b|\bare you (a|an|real|human|alive|there)\b",
        _fixed(*_INTRODUCTION),
    ),
    (
        r"\b(operator|human|representative|real person|supervisor|someone)\b",
        _fixed("This is a demonstration, so there is nobody I could transfer you to."),
    ),
    (r"\b(instructions|system prompt)\b", _instructions),
    (r"\bwhat can you do\b|\bhelp\b|\bwhat do you know\b", _fixed(*_ABILITIES)),
    (r"\b(my name is|call me) (?P<name>[a-z]+)", _name),
    (
        r"\bhow are you\b|\bhow do you do\b|\bhow(?: i|')?s it going\b",
        _fixed("I am doing well, thank you.", "How are you?"),
    ),
    (r"\b(thanks|thank you)\b", _fixed("You are welcome.", "Is there anything else?")),
    (r"^(hello|hi|hey|good (morning|afternoon|evening))\b", _fixed(*GREETING)),
    (r"^(yes|yeah|yep|right|correct|ok|okay|sure)\b", _fixed("Good.", "What else can I do?")),
    (r"^(no|nope|wrong|not really)\b", _fixed("My mistake.", "Please tell me again.")),
)


def _compiled(rules: Iterable[_Rule]) -> _CompiledRules:
    return tuple((re.compile(pattern), answer) for pattern, answer in rules)


_COMPILED, _COMPILED_SMALL_TALK = _compiled(_RULES), _compiled(_SMALL_TALK)

_PRESSED = re.compile(r"\[the caller pressed ([0-9*#A-D]{1,64})\]")
_FEWEST_DIGITS = 3
_MOST_HEARD = 2_000
"""Characters of a message that are looked at."""
_LONGEST_ECHO = 12
"""Words of a message that are quoted."""
_LONGEST_QUOTE = 400
"""Characters that are quoted."""


def reply(situation: Situation) -> Sentences:
    """The agent's next words, never empty; one string a sentence, each to be spoken on its own."""
    turn = situation.answers_given
    if phrase := phrase_to_say(situation.instructions):
        return split_sentences(phrase) or (phrase,)
    if not situation.turns:
        return GREETING
    last = situation.turns[-1]
    if last.role == "assistant":
        return _WAITING[turn % len(_WAITING)]
    if last.role == "tool":
        return ("The tool answered:", *split_sentences(last.text[:_LONGEST_QUOTE] or "Nothing."))
    if pressed := _PRESSED.fullmatch(last.text):
        return (f"You pressed {spoken_keys(pressed[1])}.", "They do nothing here.")
    heard = plain(last.text[:_MOST_HEARD])
    if not heard:
        return _UNHEARD[turn % len(_UNHEARD)]
    if (matched := _matched(_COMPILED, heard, situation)) is not None:
        return matched
    digits = digits_in(heard)
    if len(digits) >= _FEWEST_DIGITS:
        return (f"I heard the number {spoken_digits(digits)}.", "Is that right?")
    return _DEFAULTS[turn % len(_DEFAULTS)](_clause(last.text))


def small_talk(situation: Situation) -> Sentences | None:
    """The agent's next words, if the caller only wants to chat."""
    return _matched(_COMPILED_SMALL_TALK, plain(situation.heard[:_MOST_HEARD]), situation)


def is_keys(text: str) -> bool:
    """Whether a line says which keys were pressed, not what was said."""
    return _PRESSED.fullmatch(text) is not None


def _matched(rules: _CompiledRules, heard: str, situation: Situation) -> Sentences | None:
    for pattern, answer in rules:
        if match := pattern.search(heard):
            return answer(situation, match)
    return None


def split_sentences(text: str) -> Sentences:
    """Text to sentences at ``.``, ``!`` and ``?``; nothing is lost but the white space between."""
    return tuple(part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part)


def plain(text: str) -> str:
    """Lower case, letters, digits, apostrophes and single spaces only."""
    return " ".join(re.sub(r"[^a-z0-9' -]+", " ", text.lower().replace("’", "'")).split())


def _clause(text: str) -> str:
    """Words to quote inside a sentence: no end punctuation, at most `_LONGEST_ECHO` of them."""
    words = re.sub(r"(?<=\w)[.!?]+(?=\s)", ",", text[:_MOST_HEARD].strip()).split()
    quoted = " ".join(words[:_LONGEST_ECHO])[:_LONGEST_QUOTE]
    if len(words) > _LONGEST_ECHO:
        quoted += ", and so on"
    return quoted.strip(" .,!?;:")
