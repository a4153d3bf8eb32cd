from gateway.core.phrasing import fresh

PHRASES = ("One.", "Two.", "Three {number}.")


def test_each_phrase_has_its_turn_before_one_is_said_again() -> None:
    said: list[str] = []
    for _ in range(7):
        said.append(fresh(PHRASES, said).format(number=len(said)))
    assert said[:6] == ["One.", "Two.", "Three 2.", "One.", "Two.", "Three 5."]


def test_a_phrase_counts_wherever_it_stands() -> None:
    assert fresh(PHRASES, ["Well, One. And so on."]) == "Two."
    assert fresh(PHRASES, ["Two.", "Three times nothing.", "One."]) == "Two."
