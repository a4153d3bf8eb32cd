"""The table of phones: what goes into it, and what differs from it."""

from __future__ import annotations

from tests.e2e.interop import Tried, documented, merged, not_documented, rewritten

PAGE = """Phones.

| phone | transport | media | what |
|---|---|---|---|
| deskphone 1.0 | TLS | SDES-SRTP, G.722 | registration |
| deskphone 1.0 | UDP | RTP, PCMU | registration, words both ways |

More.
"""


def tried(*features: str, phone: str = "deskphone 1.0", transport: str = "UDP") -> Tried:
    made = Tried(phone, transport, "RTP, PCMU")
    made.saw(*features)
    return made


def test_a_page_is_read_and_written_without_a_change() -> None:
    assert rewritten(PAGE, documented(PAGE)) == PAGE
    assert rewritten(PAGE, reversed(documented(PAGE))) == PAGE


def test_what_several_tests_saw_is_one_row() -> None:
    (row,) = merged([tried("a", "b"), tried("b", "c")])
    assert row.seen == ["a", "b", "c"]


def test_what_was_seen_and_is_not_on_the_page_is_named() -> None:
    assert not_documented(tried("words both ways"), PAGE) == []
    assert not_documented(tried("registration", "hold"), PAGE) == ["hold"]
    assert not_documented(tried("registration", phone="deskphone 1.1"), PAGE) == ["registration"]
    assert not_documented(tried("registration", transport="TCP"), PAGE) == ["registration"]


def test_what_nobody_saw_leaves_the_page() -> None:
    page = rewritten(PAGE, [tried("registration")])
    assert "words" not in page
    assert "G.722" not in page
    assert page.endswith("|\n\nMore.\n")
