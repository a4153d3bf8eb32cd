import pytest

from client.python.bench.word_errors import word_errors, words_of


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", "a c d", 1),
        ("a b c d", "a b x b c d", 2),
        ("a b c d", "a x c d", 1),
        ("a b", "", 2),
        ("", "a b", 2),
        ("a b c d", "d c b a", 4),
    ],
)
def test_the_fewest_changes_are_counted(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors


def test_case_and_punctuation_are_no_words() -> None:
    assert words_of("I’m sorry, re-enter it. Good-bye!") == [
        *("i'm", "sorry", "re", "enter", "it", "goodbye")
    ]
