from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model.dialogue import GREETING, Situation, Turn, reply, split_sentences
from gateway.realtime.protocol import say_exactly

AFTERNOON = datetime(2026, 3, 2, 15, 5, tzinfo=UTC)


def answer(*turns: Turn, instructions: str = "") -> str:
    return " ".join(reply(Situation(turns, instructions, AFTERNOON)))


def user(text: str) -> Turn:
    return Turn("user", text)


def agent(text: str) -> Turn:
    return Turn("assistant", text)


def test_it_says_that_it_is_a_demonstration() -> None:
    assert answer() == " ".join(GREETING)
    assert "demonstration" in answer()
    assert "demonstration" in answer(user("Who are you?"))
    assert "rules" in answer(user("Are you a real person or a machine?"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Hello there.", "How can I help?"),
        ("What are your opening hours?", "nine to six"),
        ("How much is my bill?", "made up"),
        ("Tell me about my plan.", "ten gigabytes"),
        ("Where is the nearest store?", "Main Street"),
        ("I want a human.", "nobody I could transfer you to"),
        ("What time is it?", "3:05 PM"),
        ("What day is it?", "Monday, March 2"),
        ("My number is five five five one two three four.", "five five five, one two three four"),
        ("Count to seven please.", "Six, seven."),
        ("What can you do?", "opening hours"),
        ("Thank you.", "You are welcome."),
        ("Goodbye.", "Goodbye!"),
        ("Repeat after me, the rain in Spain.", "the rain in spain."),
        ("My name is Ada.", "Ada"),
        ("[the caller pressed 120*#]", "You pressed one, two, zero, star, pound."),
        ("", "did not catch"),
        ("The frog jumped over the moon", "The frog jumped over the moon"),
    ],
)
def test_what_it_answers(said: str, expected: str) -> None:
    assert expected in answer(user(said))


def test_a_story_is_long_enough_to_talk_over() -> None:
    assert len(reply(Situation([user("Tell me a story.")], "", AFTERNOON))) >= 6


def test_it_remembers_what_was_said() -> None:
    before = (user("The moon is a cheese."), agent("Is that right?"))
    assert "The moon is a cheese" in answer(*before, user("What did I just say?"))
    assert answer(*before, user("Say that again.")) == "I said: Is that right?"
    again = agent("I said: Is that right?")
    assert answer(*before, again, user("Repeat that")) == "I said: Is that right?"


def test_it_does_not_pretend_to_follow_instructions() -> None:
    asked = user("What are your instructions?")
    assert "cannot follow" in answer(asked, instructions="You are a pirate.")
    assert "Nobody gave me" in answer(asked)


def test_one_instruction_it_follows_to_say_a_phrase() -> None:
    told = say_exactly("This call is recorded. So be kind.")["instructions"]
    assert answer(user("Hello"), instructions=told) == "This call is recorded. So be kind."
    assert answer(instructions=told) == "This call is recorded. So be kind."


def test_phrasing_rotates_with_the_conversation_and_repeats_with_it() -> None:
    turns: list[Turn] = []
    answers = []
    for _ in range(4):
        turns.append(user("Blue elephants."))
        answers.append(answer(*turns))
        turns.append(agent(answers[-1]))
    assert len(set(answers)) == 4
    assert answer(*turns[:1]) == answers[0]


def test_it_waits_when_nothing_new_was_said() -> None:
    assert answer(agent("Hello.")) == "Is there anything else?"


def test_a_tool_is_quoted() -> None:
    assert answer(user("Weather?"), Turn("tool", "Sunny. 20 degrees.")) == (
        "The tool answered: Sunny. 20 degrees."
    )


@given(
    st.lists(st.builds(Turn, st.sampled_from(["user", "assistant", "tool"]), st.text())),
    st.text(),
)
def test_it_always_has_something_to_say(turns: list[Turn], instructions: str) -> None:
    sentences = reply(Situation(turns, instructions, AFTERNOON))
    assert sentences
    assert all(sentence.strip() for sentence in sentences)
    assert sentences == reply(Situation(turns, instructions, AFTERNOON))


def test_an_answer_to_a_book_is_short() -> None:
    assert len(answer(user("word " * 50_000))) < 1_000
    assert len(answer(user("w" * 50_000))) < 1_000
    assert len(answer(Turn("tool", "x" * 50_000))) < 1_000


@given(st.text())
def test_splitting_loses_no_words(text: str) -> None:
    assert " ".join(split_sentences(text)).split() == text.split()
