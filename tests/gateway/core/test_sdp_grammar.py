import pytest

from gateway.core.sdp_grammar import TOKEN, SdpError, parse_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("65535", 65_535),
        ("65536", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1.0", None),
        ("1_0", None),
        ("²", None),
        ("٣", None),
        ("0" * 20, 0),
        ("0" * 21, None),
        ("9" * 5000, None),
    ],
)
def test_numbers(text: str, number: int | None) -> None:
    assert parse_number(text, 65_535) == number


@pytest.mark.parametrize(
    "text", ["0", "audio", "sdparta_0", "{1a-b}", "!#$%&'*+-.^_`|~", "x" * 256]
)
def test_tokens(text: str) -> None:
    assert TOKEN.fullmatch(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a:b", "a=b", '"a"', "é", "a\n", "x" * 257])
def test_what_is_no_token(text: str) -> None:
    assert not TOKEN.fullmatch(text)


def test_its_error_is_a_value_error() -> None:
    assert issubclass(SdpError, ValueError)
