"""The word lists: what they catch, and what they must let pass."""

from __future__ import annotations

import asyncio

import pytest

from gateway.agents.guardrails import PASSED, Category, GuardContext
from gateway.agents.word_rules import WordRules

CONTEXT = GuardContext("sess_1", "front", "NewTelco")


RULES = WordRules()


def judged(text: str, rules: WordRules = RULES) -> Category:
    return asyncio.run(rules.judge(text, CONTEXT)).category


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Oh, shut up and listen.", Category.OFFENSIVE),
        ("What a load of BULLSHIT!", Category.OFFENSIVE),
        ("That is sh1t, frankly", Category.OFFENSIVE),
        ("You’re so stupid", Category.OFFENSIVE),
        ("If you call again, we'll hurt\nyou.", Category.VIOLENCE),
        ("Go and shoot yourself", Category.VIOLENCE),
        ("Honestly, our network is garbage.", Category.OFF_BRAND),
    ],
)
def test_what_is_caught(text: str, category: Category) -> None:
    assert judged(text) is category


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe and Essex have our best assistants.",
        "I will not hurt you with small print.",
        "We are terribly sorry, our network was down.",
        "Please dial 0 1 3 4 5 7.",
        "The shitake special is not ours to sell.",
        "",
    ],
)
def test_what_passes(text: str) -> None:
    assert asyncio.run(WordRules().judge(text, CONTEXT)) == PASSED


def test_a_set_may_bring_its_own_words() -> None:
    rules = WordRules(words={Category.OFF_BRAND: ("other ?tel",)})
    assert judged("Have you tried Othertel?", rules) is Category.OFF_BRAND
    assert judged("Shut up.", rules) is Category.NONE


def test_the_rationale_names_the_words() -> None:
    verdict = asyncio.run(WordRules().judge("Well, SHUT up now", CONTEXT))
    assert "shut up" in verdict.rationale
