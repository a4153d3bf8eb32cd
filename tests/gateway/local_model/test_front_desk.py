import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.local_model import front_desk
from gateway.local_model.dialogue import Role, Situation, Turn
from gateway.local_model.front_desk import FILLERS, SUPERVISOR, Answer, has_supervisor

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOOL = {"type": "function", "name": SUPERVISOR, "parameters": {}}
ASKED = "> Please give me your phone number."
ROLES: dict[str, Role] = {">": "assistant", "<": "tool"}


def answer(*lines: str) -> Answer:
    """To lines of the caller, of the agent (``>``) and of a tool (``<``)."""
    turns = [Turn(ROLES.get(line[:1], "user"), line.lstrip("<> ")) for line in lines]
    return front_desk.answer(Situation(turns, "", NOON))


def words(*lines: str) -> str:
    """What is said without asking the supervisor."""
    given = answer(*lines)
    assert given.arguments is None, given
    return " ".join(given.sentences)


def asked(*lines: str) -> str:
    """What the supervisor is told, after a filler."""
    given = answer(*lines)
    assert given.arguments is not None, given
    assert given.sentences[0] in FILLERS
    context = json.loads(given.arguments)["relevantContextFromLastUserMessage"]
    assert isinstance(context, str)
    return context


def test_it_asks_only_where_it_may() -> None:
    assert has_supervisor([{"type": "mcp"}, TOOL], "auto")
    assert not has_supervisor([TOOL], "none")
    assert not has_supervisor([{"type": "function", "name": "other"}], "auto")
    assert not has_supervisor([], "auto")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Hello there!", "demonstration"),
        ("Good morning.", "How can I help"),
        ("Hi, how are you doing today?", "well"),
        ("Thank you so much.", "welcome"),
        ("Okay, great, thanks!", "welcome"),
        ("No, that's all, thank you. Bye bye!", "Goodbye"),
        ("That is all for today.", "Goodbye"),
        ("Are you a real person or a robot?", "demonstration"),
        ("My name is ada.", "Ada"),
        ("Can you hear me?", "hear you"),
        ("Hang on a second", "Take your time"),
        ("What can you do for me?", "roaming"),
        ("I have another question.", "what is it"),
        ("Tell me a story, please.", "two villages"),
        ("What time is it?", "12:00 PM"),
        ("Repeat after me, the rain in Spain.", "the rain in spain"),
        ("", "did not catch"),
        ("[the caller pressed 5]", "You pressed five"),
    ],
)
def test_what_it_does_by_itself(said: str, expected: str) -> None:
    assert expected in words(said)


@pytest.mark.parametrize(
    "said",
    [
        "What is my bill?",
        "Hello, I want to reset my password.",
        "Thanks, and what does roaming cost?",
        "Good morning, who will win the election?",
        "What day is my bill due?",
        "What time do you open?",
        "Let me talk to a human.",
        "Blue elephants.",
        "Yes.",
        "No.",
    ],
)
def test_it_asks_the_supervisor_for_everything_else(said: str) -> None:
    assert asked(said) == said


def test_no_filler_is_said_twice_in_a_row() -> None:
    lines = ["Blue elephants."]
    for _ in range(2 * len(FILLERS)):
        filler = answer(*lines).sentences[0]
        assert f"> {filler}" != lines[-2:][0]
        lines += [f"> {filler}", "Blue elephants."]
    assert len(set(lines)) == 1 + len(FILLERS)


def test_what_the_supervisor_answers_is_read_out_word_for_word() -> None:
    text = "Your bill is $88.40. Is that fine?"
    assert words("Bill?", "> Just a second.", f"< {text}") == text
    assert answer("< One. Two.").sentences == ("One.", "Two.")
    assert "did not work" in words("Bill?", '< {"error": "the tool failed"}')
    assert "did not work" in words("Bill?", "< ")


def test_a_number_is_taken_down_until_it_is_whole() -> None:
    assert "two oh six" in words(ASKED, "two oh six")
    collecting = "> So far I have two oh six. Please go on."
    assert "two oh six, one three five" in words(ASKED, "206", collecting, "one three five")
    assert "2061351246" in asked(ASKED, "206", collecting, "135", "> Go on.", "1246")
    assert "98101" in asked("> What is your zip code?", "nine eight one oh one")
    assert "2061351246" in asked(ASKED, "[the caller pressed 2061351246#]")


def test_it_repeats_the_answer_and_not_the_filler() -> None:
    lines = ["Price?", "> Let me see.", "< It is $8.", "> It is $8.", "Thanks.", "> Let me see."]
    assert words(*lines, "Can you say that again, please?") == "I said: It is $8."
    assert words("> I said: It is $8.", "Pardon?") == "Once more: It is $8."
    assert "How can I help" in words("What was that?")


def test_an_answer_that_came_while_the_caller_spoke_is_read_out_with_theirs() -> None:
    lines = ["Price?", "> Let me see.", "< It is $8."]
    assert words(*lines, "How are you?").endswith("How can I help? It is $8.")
    both = answer(*lines, "And my bill?")
    assert both.sentences[0] == "It is $8."
    assert both.sentences[1] in FILLERS
    assert both.arguments is not None
    assert "$8" not in words(*lines, "Never mind.")
    assert "$8" not in words(*lines, "> It is $8.", "How are you?")


def test_yes_and_no_belong_to_the_question_before() -> None:
    assert "what is it" in words("> You are welcome. Is there anything else?", "Yes.")
    assert "Goodbye" in words("> You are welcome. Is there anything else?", "No, thanks.")
    assert asked("> Shall I transfer you to a person?", "Yes, please.") == "Yes, please."


def test_an_empty_line_begins_with_a_greeting() -> None:
    assert "demonstration" in words()


@given(st.lists(st.tuples(st.sampled_from(("user", "assistant", "tool")), st.text()), max_size=5))
def test_it_always_has_something_to_say(turns: list[tuple[Role, str]]) -> None:
    given_answer = front_desk.answer(Situation([Turn(*turn) for turn in turns], "", NOON))
    assert given_answer.sentences
    assert all(given_answer.sentences)
