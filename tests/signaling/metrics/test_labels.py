import pytest

from gateway.core.ending import Ending
from signaling.metrics.labels import LONGEST, OTHERS, Names, ending


@pytest.mark.parametrize("cause", Ending)
def test_each_cause_is_a_word(cause: Ending) -> None:
    word = ending(str(cause))
    assert word == cause.name.lower() == ending(cause)
    assert word.replace("_", "").isalpha()


def test_a_servers_own_words_are_no_label() -> None:
    assert ending("the model's server refused the API key (HTTP 401)") == "other"


def test_names_are_few() -> None:
    names = Names(2)
    assert [names(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHERS, "a"]


def test_names_are_short() -> None:
    assert Names()("x" * (LONGEST + 1)) == OTHERS
