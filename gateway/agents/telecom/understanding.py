"""What a caller wants, and the numbers they gave: rules over the words of a conversation.

The words come from a recogniser, so they are matched by sound-alikes of keywords, and numbers come
as figures or in words, in one breath or in several.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.agents.telecom.policies import POLICIES
from gateway.agents.tool import Line
from gateway.core.dictation import Asked, dictated
from gateway.core.numerals import digits_in


class Intent(Enum):
    """What is to be done about a caller's words."""

    BILL = "bill"
    BALANCE = "balance"
    USAGE = "usage"
    OWN_PLAN = "own plan"
    STORE = "store"
    POLICY = "policy"
    PROHIBITED = "prohibited"
    TRANSFER = "transfer"
    UNSUPPORTED = "unsupported"
    AGREED = "agreed"
    DECLINED = "declined"


ABOUT_ACCOUNT = frozenset({Intent.BILL, Intent.BALANCE, Intent.USAGE, Intent.OWN_PLAN})

_PROHIBITED = (
    r"politic\w*|elections?|votes?|voting|president|senators?|congress(man|woman)|democrats?"
    r"|republicans?|abortion|immigration|racis\w+"
    r"|religio\w*|in god|does god|church|bible|quran|pray(er)?"
    r"|medical|doctors?|symptoms?|medicine|diagnos\w+|headaches?|pills|disease"
    r"|legal advice|lawyers?|lawsuit|sue (you|them|him|her|my|the|some\w+)"
    r"|invest(ing|ments?)?|stocks|stock market|crypto\w*|bitcoins?|mortgage|tax advice"
)
_HUMAN = (
    r"\b(human|person|representative|operator|manager|somebody|someone|agent|supervisor)\b.*"
    r"\b(speak|talk|connect|transfer|get|give|need|want)\b"
    r"|\b(speak|talk|connect(ed)?|transfer(red)?|get|give|need|want)\b.*"
    r"\b(human|person|representative|operator|manager|somebody|someone|real agent)\b"
    r"|^(operator|representative|human|agent)( please)?$|\btransfer me\b|\bput me through\b"
)
_ACTION = (
    r"\b(change|update|reset|correct) (my|the|an?)\b(?!.*\bpolicy\b)"
    r"|\bpay (my|the|this) (bill|balance|invoice)\b"
    r"|\b(order|buy|activate|block|replace|reschedule|book) (me |my |a |an |the |some |two )"
    r"|\b(switch|upgrade|move) me\b|\bport my\b|\bsign me up\b|\bgive me a (credit|refund)\b"
)
_QUESTION = (
    r"\b(how|what|which|can i|could i|do you|is it|are there|when|where|why|tell me about)\b"
)
_STORE = (
    r"\b(stores?|shops?|branch(es)?|locations?|store hours)\b|\bopening hours\b"
    r"|\bwhen (are|do) you (open|close)\b|\bwhere are you\b"
)
_USAGE = (
    r"\b(usage|used|using|left|remaining|consumed)\b.*\b(data|gigabytes?|gigs?|gb|month|plan|me)\b"
    r"|\b(data|gigabytes?|gigs?)\b.*\b(usage|used|left|remaining|consumed)\b"
    r"|\bmy (data )?usage\b|\bmuch data\b.*\b(i|my)\b|\bmy data\b"
)
_OWN_PLAN = (
    r"\b(what|which) plan\b.*\b(i|my|me)\b"
    r"|^(?!.*\b(cancel\w*|change|upgrade|switch|terminate|leave)\b)"
    r".*\bmy (current )?(plan|account|contract)\b"
)
_BALANCE = r"\b(balance|owe|owing|due)\b|\bautopay (on|off|set)\b|\bmy payment\b"
_BILL = (
    r"\b(my|this|the|last|latest|current) (\w+ )?(bill|invoice|statement|charges?)\b"
    r"|\bwas i charged\b|\bcharged me\b|\bam i (being )?(charged|billed|paying)\b"
    r"|^(the )?(bill|billing|invoice)( please)?$|\bbill\b.*\b(high|wrong|more|expensive)\b"
)
_YES = r"^(yes|yeah|yep|yup|sure|ok|okay|please do|go ahead|please|do that|correct|right)\b"
_NO = r"^(no|nope|nah|not now|not really|never mind)\b"

_RULES: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    (Intent.PROHIBITED, re.compile(rf"\b({_PROHIBITED})\b")),
    (Intent.TRANSFER, re.compile(_HUMAN)),
    (Intent.STORE, re.compile(_STORE)),
    (Intent.USAGE, re.compile(_USAGE)),
    (Intent.BALANCE, re.compile(_BALANCE)),
    (Intent.BILL, re.compile(_BILL)),
    (Intent.OWN_PLAN, re.compile(_OWN_PLAN)),
)
_COMPILED_ACTION, _COMPILED_QUESTION = re.compile(_ACTION), re.compile(_QUESTION)
_COMPILED_YES, _COMPILED_NO = re.compile(_YES), re.compile(_NO)

_KEYWORDS = frozenset(word for policy in POLICIES for word in policy.keywords)
_TOO_COMMON = frozenset({"line", "lines", "phone", "phones", "check", "card", "leave", "offer"})
"""Keywords that alone do not make a question about a policy."""
_HEARD_FOR = frozenset(
    {*_KEYWORDS, "balance", "usage", "account", "store", "stores", "representative"}
)
_SHORTEST_GUESSED = 5
_ALIKE = 0.88
"""Part of a word's letters that has to be right for it to be taken for a keyword."""

_MOST_LINES, _MOST_EARLIER, _MOST_WORDS = 100, 4, 40
"""Lines that are searched for numbers, earlier ones for a wish, and words of a line that are looked
at: a few milliseconds are all that a call may take.
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked now. ``words``: those it is asked in, keywords mended."""

    intent: Intent
    words: str
    phone_number: str = ""
    zip_code: str = ""
    is_new_number: bool = False
    """Whether the caller gave it just now."""


def understand(conversation: Sequence[Line], context: str) -> Request:
    """The caller's request, as the conversation stands.

    :param context: what the agent who talks adds.
    """
    said = [line.text for line in conversation if line.role == "user"] or [context]
    numbers = dictated((line.role, line.text) for line in conversation[-_MOST_LINES:])
    intent, words = _intent_of(said[-1], context)
    if intent is None and digits_in(said[-1]):
        # Only a number: it belongs to what was asked before.
        intent, words = _earlier(said[-1 - _MOST_EARLIER : -1], numbers.asked)
    # An agent that listens well may have put the number together itself.
    told = dictated([("user", context)])
    return Request(
        intent or Intent.UNSUPPORTED,
        words,
        told.phone or numbers.phone,
        told.zip_code or numbers.zip_code,
        is_new_number=numbers.fresh,
    )


def _earlier(said: Sequence[str], asked: Asked) -> tuple[Intent | None, str]:
    wanted = frozenset({Intent.STORE}) if asked == "zip" else ABOUT_ACCOUNT
    for text in reversed(said):
        intent, words = _intent_of(text, "")
        if intent in wanted:
            return intent, words
    fallback: dict[Asked, Intent] = {"zip": Intent.STORE, "phone": Intent.OWN_PLAN}
    return fallback.get(asked), ""


def _intent_of(text: str, context: str) -> tuple[Intent | None, str]:
    for source in (text, context):
        words = mended(source)
        if not words:
            continue
        for intent, pattern in _RULES[:2]:
            if pattern.search(words):
                return intent, words
        is_question = _COMPILED_QUESTION.search(words) is not None
        if _COMPILED_ACTION.search(words) and not is_question:
            return Intent.UNSUPPORTED, words
        for intent, pattern in _RULES[2:]:
            if pattern.search(words):
                return intent, words
        if (_KEYWORDS - _TOO_COMMON) & set(words.split()):
            return Intent.POLICY, words
        if _COMPILED_YES.search(words):
            return Intent.AGREED, words
        if _COMPILED_NO.search(words):
            return Intent.DECLINED, words
    return None, mended(text)


def mended(text: str) -> str:
    """Lower-case words, single spaces; what sounds like a keyword becomes it."""
    plain = text.lower().replace("’", "'").replace("-", " ")
    words = itertools.islice(re.finditer(r"[a-z']+|\d+", plain), _MOST_WORDS)
    return " ".join(_mended_word(word[0].removesuffix("'s")) for word in words)


@functools.lru_cache(maxsize=4096)
def _mended_word(word: str) -> str:
    if len(word) < _SHORTEST_GUESSED or word in _HEARD_FOR or word.removesuffix("s") in _HEARD_FOR:
        return word
    # Recognisers get the first sound right, and little is lost or added.
    alike = [
        known for known in _HEARD_FOR if known[0] == word[0] and abs(len(known) - len(word)) <= 2
    ]
    close = difflib.get_close_matches(word, sorted(alike), n=1, cutoff=_ALIKE)
    return close[0] if close else word
