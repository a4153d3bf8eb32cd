import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.numerals import digits_in, in_words, number_from, spelled, spoken_digits


@given(st.integers(0, 99))
def test_numbers_are_read_back(number: int) -> None:
    assert number_from(in_words(number)) == number
    assert number_from(f"{in_words(number)} please") == number


@pytest.mark.parametrize("number", [-1, 100])
def test_only_two_figures_are_spelled(number: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 99"):
        in_words(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("one hundred", 100), ("twenty-one", 21), ("please", None), ("", None)],
)
def test_number_from(text: str, number: int | None) -> None:
    assert number_from(text) == number


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("five five five one two three four", "5551234"),
        ("my number is 555-1234", "5551234"),
        ("it is oh two double five", "0255"),
        ("triple nine", "999"),
        ("two oh six, thirteen five, twelve forty six", "2061351246"),
        ("eighty twenty five", "8025"),
        ("oh well", "0"),
        ("one apple and two three pears", "23"),
        ("no figures here", ""),
    ],
)
def test_digits_in(text: str, digits: str) -> None:
    assert digits_in(text) == digits


@given(st.text("0123456789", min_size=1, max_size=15))
def test_spoken_digits_are_heard_again(digits: str) -> None:
    assert digits_in(spoken_digits(digits)) == digits


def test_digits_are_read_in_groups() -> None:
    assert spoken_digits("5551234") == "five five five, one two three four"
    assert spoken_digits("8005551234") == "eight zero zero, five five five, one two three four"
    assert spoken_digits("2061351246", zero="oh") == "two oh six, one three five, one two four six"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Press 7.", "Press seven ."),
        ("gate 42", "gate forty two"),
        ("call 5550", "call five five five zero"),
        ("none", "none"),
    ],
)
def test_figures_are_spelled(text: str, words: str) -> None:
    assert " ".join(spelled(text).split()) == words
