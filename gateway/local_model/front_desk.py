"""How the demonstration agent behaves where it has a supervisor to ask: rules again.

It greets, chats, repeats and takes down numbers by itself. For everything else it says a filler
phrase, asks the supervisor by a function call, and reads out what that answers, word for word.
English only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.dictation import Dictation, dictated
from gateway.core.numerals import digits_in, spoken_digits
from gateway.core.phrasing import fresh
from gateway.local_model.dialogue import (
    Sentences,
    Situation,
    is_keys,
    plain,
    reply,
    small_talk,
    split_sentences,
)

SUPERVISOR = "getNextResponseFromSupervisor"

FILLERS: Sentences = (
    "Let me check that for you.",
    "One moment, please.",
    "Let me have a look.",
    "Just a second.",
    "I will find out.",
    "Bear with me for a moment.",
    "Let me see.",
)
GREETINGS: Sentences = (
    "Hi, you have reached the NewTelco demonstration. How can I help you?",
    "Hello again. What can I do for you?",
    "Hi there. What would you like to know?",
)
_COLLECTING: Sentences = (
    "So far I have {number}. Please go on.",
    "{number}. What comes next?",
    "I have noted {number}. And the rest?",
)
_AGAIN: Sentences = ("I said: {words}", "Once more: {words}", "Of course. {words}")
_FAREWELLS: Sentences = (
    "Thank you for calling NewTelco. Goodbye!",
    "It was a pleasure. Goodbye, and have a nice day!",
)
_WELCOME: Sentences = (
    "You are welcome. Is there anything else?",
    "My pleasure. Can I help with anything else?",
    "Gladly. Would you like to know anything else?",
)
_WELL: Sentences = (
    "I am doing well, thank you. How can I help?",
    "All is well here. And what can I do for you?",
)
_WHO: Sentences = (
    "I am the NewTelco demonstration agent. I follow simple rules, and ask my supervisor for "
    "everything that I do not know.",
    "I am a demonstration, not a person. My supervisor and I know about plans, bills and stores.",
)
_ABILITIES: Sentences = (
    "Ask me about plans, roaming, your bill, your data, or the nearest store.",
    "I can tell you about your account, our policies and our stores.",
)
_HERE: Sentences = ("Yes, I hear you. How can I help?", "I am here, go ahead.")
_WAITING: Sentences = ("Take your time.", "Sure, I will wait.", "No hurry.")
_DROPPED: Sentences = (
    "All right, I leave it. Is there anything else?",
    "Fine, never mind. What else would you like to know?",
)
_GO_AHEAD: Sentences = ("Sure, what is it?", "Go ahead, please.", "All right, I am listening.")
_NICE: Sentences = (
    "Nice to meet you, {words}. What can I do for you?",
    "Thank you, {words}. How can I help?",
)
_FAILED: Sentences = (
    "I'm sorry, that did not work. Could you ask me again?",
    "I could not find that out just now, I'm sorry. Please try once more.",
)

_COURTESIES = re.compile(
    r"\b(hello|hi|hey|good (morning|afternoon|evening)|there|please|thanks( a lot| so much)?"
    r"|thank you( very much| so much)?|um+|uh+|er|well|okay|ok|so|oh|great|perfect|alright"
    r"|all right|sorry|excuse me|new ?telco|and|then|again(?= please$))\b"
)
_THANKS = re.compile(r"\b(thanks|thank you)\b")
_ANYTHING_ELSE = re.compile(r"\b(anything|something) else\b[^.?!]*\?")

_FAREWELL = (
    r"(no )?((that(?: i|')?s|that (will|would) be|that'll be) (all|it|everything)"
    r"( i need(ed)?)?( for (now|today))?|nothing( else)?|good ?bye|bye( bye)?|see you( later)?"
    r"|have a (nice|good|great) (day|one|evening|weekend)|hang up|take care|you too"
    r"|i(?: a|')?m (done|good|fine|all set))"
)
_REPEAT = (
    r"((can|could|would) you |i need you to )?(just )?(say|repeat) (that|it|yourself)( again"
    r"| once more| for me)*|repeat|pardon( me)?|come again|what (did you (just )?say|was that)"
    r"|i (did not|didn't|did n't) (catch|hear|get|understand) (that|you|it)|once more|one more time"
    r"|say again"
)
_ALLOWED: tuple[tuple[str, Sentences], ...] = (
    (rf"{_FAREWELL}( {_FAREWELL})*", _FAREWELLS),
    (r"(how are you|how do you do|how(?: i|')?s it going)( doing)?( today)?", _WELL),
    (
        r"(who|what) are you|what(?: i|')?s your name|(am i (speaking|talking) (to|with)|are you)"
        r" (a |an |the )?(real |live )?(human|person|robot|machine|computer|bot|ai|real|alive)"
        r"( being)?( or .*)?",
        _WHO,
    ),
    (r"(what|how) can you (do|help)( for me| me)?|help( me)?|what do you know", _ABILITIES),
    (r"(can|do) you hear me( now)?|are you (still )?there|is (any|some)(body|one)( home)?", _HERE),
    (
        r"(wait|hold on|hang on|give me|just|let me (think|see|look|check))?"
        r" ?((just )?(a|one) (moment|second|minute))?( i .*)?",
        _WAITING,
    ),
    (r"i have (a|another|one more) question|can i ask (you )?something( else)?", _GO_AHEAD),
)
_ALLOW_LIST = tuple((re.compile(pattern), phrases) for pattern, phrases in _ALLOWED)
_REPEATS = re.compile(_REPEAT)
_NEVER_MIND = re.compile(r"(no |oh )?(never ?mind|forget (it|that|about it)|stop( it| that)?)")
_NAME = re.compile(r"(my name is|i am called|call me) (?P<name>[a-z]+)")
_BUSINESS = re.compile(
    r"\b(bill\w*|plans?|data|account|stores?|phones?|numbers?|payments?|pay|due|roaming|minutes"
    r"|newtelco|service|contract|open|close)\b"
)
"""What makes a line more than a chat."""
_YES = re.compile(r"(yes|yeah|yep|sure|i do|actually yes)")
_NO = re.compile(r"(no|nope|not (now|really|today))")
_MOST_QUOTED = 2_000
"""Characters of the caller's line that the supervisor is given; it sees the conversation too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent says next. ``arguments``: JSON of the call to `SUPERVISOR` that follows."""

    sentences: Sentences
    arguments: str | None = None


def has_supervisor(tools: Sequence[Mapping[str, Any]], tool_choice: object) -> bool:
    """Whether a session's ``tools`` and ``tool_choice`` let the agent ask one."""
    return tool_choice != "none" and any(
        tool.get("type") == "function" and tool.get("name") == SUPERVISOR for tool in tools
    )


def answer(situation: Situation) -> Answer:
    """The agent's next words, and whether it asks the supervisor; a function of the situation."""
    return _FrontDesk(situation).answer()


class _FrontDesk:
    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        turns = situation.turns
        self._said = [turn.text for turn in turns if turn.role == "assistant" and turn.text]
        self._last = turns[-1] if turns else None

    def answer(self) -> Answer:
        if self._last is None:
            return self._one_of(GREETINGS)
        if self._last.role == "tool":
            return self._read_out(self._last.text)
        heard = plain(self._last.text[:_MOST_QUOTED])
        if self._last.role == "assistant" or not heard:
            return Answer(reply(self._situation))
        dictation = dictated((turn.role, turn.text) for turn in self._situation.turns)
        if digits_in(self._last.text) and (dictation.part or dictation.fresh):
            return self._take_down(dictation)
        if is_keys(self._last.text):
            return Answer(reply(self._situation))
        if _NEVER_MIND.fullmatch(heard):
            return self._one_of(_DROPPED)
        direct = self._directly(heard)
        if direct is not None:
            return Answer((*direct.sentences, *self._unread()))
        asking = self._ask_supervisor(dictation)
        return Answer((*self._unread(), *asking.sentences), asking.arguments)

    def _unread(self) -> Sentences:
        """What the supervisor answered while the caller was speaking."""
        for turn in reversed(self._situation.turns):
            if turn.role != "user":
                return self._read_out(turn.text).sentences if turn.role == "tool" else ()
        return ()

    def _directly(self, heard: str) -> Answer | None:
        """The allow-list."""
        rest = " ".join(_COURTESIES.sub(" ", heard).split())
        if _REPEATS.fullmatch(rest) or heard in ("again please", "sorry"):
            return self._repeat()
        if not rest:
            return self._one_of(_WELCOME if _THANKS.search(heard) else GREETINGS)
        for pattern, phrases in _ALLOW_LIST:
            if pattern.fullmatch(rest):
                return self._one_of(phrases)
        if name := _NAME.fullmatch(rest):
            return self._one_of(_NICE, words=name["name"].capitalize())
        if _ANYTHING_ELSE.search(self._situation.said):
            for pattern, phrases in ((_YES, _GO_AHEAD), (_NO, _FAREWELLS)):
                if pattern.fullmatch(rest):
                    return self._one_of(phrases)
        chat = None if _BUSINESS.search(rest) else small_talk(self._situation)
        return Answer(chat) if chat is not None else None

    def _take_down(self, dictation: Dictation) -> Answer:
        if dictation.fresh:
            return self._ask_supervisor(dictation)
        return self._one_of(_COLLECTING, number=spoken_digits(dictation.part, zero="oh"))

    def _ask_supervisor(self, dictation: Dictation) -> Answer:
        assert self._last is not None
        context = self._last.text[:_MOST_QUOTED].strip()
        if dictation.fresh:
            context += f" (the number is {dictation.phone or dictation.zip_code})"
        arguments = json.dumps({"relevantContextFromLastUserMessage": context})
        return Answer((fresh(FILLERS, self._said),), arguments)

    def _read_out(self, text: str) -> Answer:
        failed = not text.strip() or text.lstrip().startswith('{"error"')
        return self._one_of(_FAILED) if failed else Answer(split_sentences(text))

    def _repeat(self) -> Answer:
        said = [text for text in self._said if text not in FILLERS]
        if not said:
            return self._one_of(GREETINGS)
        words = said[-1]
        for phrase in _AGAIN:
            words = words.removeprefix(phrase.removesuffix("{words}"))
        return self._one_of(_AGAIN, words=words)

    def _one_of(self, phrases: Sentences, **filled: str) -> Answer:
        return Answer(split_sentences(fresh(phrases, self._said).format(**filled)))
