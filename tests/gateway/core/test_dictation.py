import pytest

from gateway.core.dictation import Dictation, asked_in, dictated, national

ASK_PHONE = ("assistant", "What is your phone number?")
ASK_ZIP = ("assistant", "Please give me your zip code.")


def told(*lines: tuple[str, str] | str) -> Dictation:
    return dictated(line if isinstance(line, tuple) else ("user", line) for line in lines)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Could you tell me your phone number?", "phone"),
        ("Please tell me the zip code of a city near you.", "zip"),
        ("The phone number can be taken along. Anything else?", ""),
        ("Is it a phone number?", "phone"),
        ("Hello.", ""),
    ],
)
def test_which_number_is_asked_for(text: str, asked: str) -> None:
    assert asked_in(text) == asked


def test_a_whole_number_needs_no_question() -> None:
    state = told("My number is +1 (206) 135-1246, thanks.")
    assert (state.phone, state.zip_code, state.fresh) == ("2061351246", "", True)
    assert told("I live in nine eight one oh one").zip_code == "98101"
    assert told("two oh six") == Dictation()


def test_the_parts_of_a_number_are_put_together() -> None:
    first = told(ASK_PHONE, "two oh six")
    assert (first.part, first.phone, first.fresh) == ("206", "", False)
    collecting = ("assistant", "So far I have two oh six. Please go on.")
    second = told(ASK_PHONE, "two oh six", collecting, "er", "one three five")
    assert second.part == "206135"
    whole = told(ASK_PHONE, "two oh six", "one three five", collecting, "one two four six")
    assert (whole.phone, whole.part, whole.fresh) == ("2061351246", "", True)


def test_five_digits_of_a_phone_number_are_no_zip_code() -> None:
    assert told(ASK_PHONE, "20613").part == "20613"
    assert told(ASK_ZIP, "981", "01").zip_code == "98101"


def test_a_number_that_is_asked_for_again_is_of_no_use() -> None:
    state = told(ASK_PHONE, "9998887777", ASK_PHONE)
    assert state.phone == ""
    assert told(ASK_PHONE, "9998887777", ASK_PHONE, "206", "1351246").phone == "2061351246"
    assert told(ASK_ZIP, "98101", ASK_PHONE).zip_code == "98101"


def test_it_is_fresh_only_in_the_line_that_completes_it() -> None:
    assert not told(ASK_PHONE, "2061351246", "And my data?").fresh


def test_too_many_digits_begin_anew() -> None:
    assert told(ASK_PHONE, "206135", "206135").part == "206135"
    assert told(ASK_PHONE, "12345678901234").part == ""


def test_national() -> None:
    assert national("+1 206-135-1246") == "2061351246"
    assert national("11") == "11"
