"""What is judged when, and what a verdict leads to: pure, whatever time a judge takes."""

from __future__ import annotations

from pathlib import Path

from gateway.core.guard import (
    MAX_ANSWERS,
    MAX_CORRECTIONS,
    MAX_TEXT,
    Guard,
    Judgement,
    Pace,
    diagram,
)

DOCS = Path(__file__).parents[3] / "docs" / "guardrails.md"

WORDS = Pace(stride=1)
SENTENCES = Pace(stride=30)


def texts(judgements: list[Judgement]) -> list[str]:
    return [judgement.text for judgement in judgements]


def test_the_documentation_draws_the_table() -> None:
    assert diagram() in DOCS.read_text()


def test_only_whole_words_are_judged() -> None:
    guard = Guard([WORDS])
    assert guard.said("a", "You as") == [Judgement(0, "a", "You ")]
    guard.passed(Judgement(0, "a", "You "))
    assert guard.said("a", "sis") == []
    assert texts(guard.said("a", "tant are ")) == ["You assistant are "]


def test_text_without_blanks_is_judged_too() -> None:
    guard = Guard([SENTENCES])
    assert guard.said("a", "あ" * 30) == []
    assert texts(guard.said("a", "あ" * 11)) == ["あ" * 41]


def test_a_judge_has_one_question_at_a_time_and_the_next_is_the_newest() -> None:
    guard = Guard([WORDS])
    (first,) = guard.said("a", "one ")
    for word in ("two ", "three ", "four "):
        assert guard.said("a", word) == []
    (next_one,) = guard.passed(first)
    assert next_one.text == "one two three four "
    assert guard.passed(next_one) == []


def test_guardrails_have_their_own_pace() -> None:
    guard = Guard([WORDS, SENTENCES])
    (quick,) = guard.said("a", "Well, hello ")
    assert quick.guardrail == 0
    judgements = guard.said("a", "and good morning to you ")
    assert [judgement.guardrail for judgement in judgements] == [1]


def test_the_end_is_judged_whatever_its_length() -> None:
    guard = Guard([SENTENCES])
    assert guard.said("a", "No") == []
    assert texts(guard.ended("a")) == ["No"]
    assert guard.ended("a") == []


def test_an_answer_may_have_more_than_one_part() -> None:
    guard = Guard([SENTENCES])
    guard.said("a", "No.")
    (judgement,) = guard.ended("a")
    guard.passed(judgement)
    assert guard.said("a", " Well") == []
    assert texts(guard.ended("a")) == ["No. Well"]


def test_an_answer_may_come_at_once() -> None:
    guard = Guard([SENTENCES])
    assert texts(guard.ended("a", "No")) == ["No"]
    assert guard.ended("b") == []
    assert Guard([]).ended("a", "No") == []


def test_an_end_that_comes_while_a_judge_thinks_is_judged_next() -> None:
    guard = Guard([WORDS])
    (first,) = guard.said("a", "good ")
    guard.said("a", "grief")
    assert guard.ended("a") == []
    assert texts(guard.passed(first)) == ["good grief"]


def test_what_was_judged_to_its_end_is_not_judged_again() -> None:
    guard = Guard([WORDS])
    (all_of_it,) = guard.said("a", "done ")
    guard.passed(all_of_it)
    assert guard.ended("a") == []


def test_one_verdict_ends_all_judging_of_an_answer() -> None:
    guard = Guard([WORDS, WORDS])
    first, second = guard.said("a", "dash it ")
    assert guard.failed(first)
    assert not guard.failed(second), "it is withdrawn already"
    assert guard.said("a", "all ") == []
    assert guard.ended("a") == []
    assert len(guard.said("b", "sorry ")) == 2, "the next answer is judged"


def test_a_judge_that_is_away_is_told_of_once_until_it_is_back() -> None:
    guard = Guard([WORDS])
    (judgement,) = guard.said("a", "one ")
    told = []
    for word in ("two ", "three "):
        guard.said("a", word)
        told.append(guard.missed_one(judgement))
        withdraw, (judgement,) = guard.unjudged(judgement)
        assert not withdraw
    assert told == [True, False]
    assert guard.missed == [2]
    guard.passed(judgement)
    (judgement,) = guard.said("a", "four ")
    assert guard.missed_one(judgement), "it had been back"


def test_a_guardrail_may_block_what_it_could_not_judge() -> None:
    guard = Guard([Pace(1, blocks_when_away=True)])
    (judgement,) = guard.said("a", "one ")
    guard.said("a", "two ")
    assert guard.unjudged(judgement) == (True, [])
    assert guard.said("a", "three ") == []


def test_corrections_in_a_row_end_until_the_caller_speaks() -> None:
    guard = Guard([WORDS])
    assert [guard.may_correct() for _ in range(MAX_CORRECTIONS + 1)] == [True] * MAX_CORRECTIONS + [
        False
    ]
    guard.caller_spoke()
    assert guard.may_correct()


def test_what_is_kept_has_a_bound() -> None:
    guard = Guard([WORDS])
    (forgotten,) = guard.said("0", "old ")
    for number in range(MAX_ANSWERS):
        guard.said(str(number + 1), "new ")
    assert guard.passed(forgotten) == []
    assert not guard.failed(forgotten)
    (judgement,) = Guard([SENTENCES]).said("long", "word " * MAX_TEXT)
    assert len(judgement.text) == MAX_TEXT


def test_nothing_happens_without_guardrails() -> None:
    guard = Guard([])
    assert guard.said("a", "anything ") == []
    assert guard.ended("a") == []
