"""Challenges in any form, and what is none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.auth_header import MAX_CHALLENGES, parse_digests, quote


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('Digest realm="a", nonce="b"', [{"realm": "a", "nonce": "b"}]),
        ('digest  REALM = "a,b" ,stale=TRUE', [{"realm": "a,b", "stale": "TRUE"}]),
        ('Digest realm="say \\"a\\\\\\""', [{"realm": 'say "a\\"'}]),
        ('Digest realm="a", Digest realm="b"', [{"realm": "a"}, {"realm": "b"}]),
        ('Basic realm="x", Digest realm="a"', [{"realm": "a"}]),
        ('Digest realm="a", Negotiate x="y"', [{"realm": "a"}]),
        ('Digest realm="a", Digest realm="b" !', [{"realm": "a"}]),
        ('realm="a"', []),
        ("Digest", []),
        ("Digest realm", []),
        ("Basic YTpi", []),
        ("", []),
    ],
)
def test_each_challenge_is_read(value: str, found: list[dict[str, str]]) -> None:
    assert parse_digests(value) == found


def test_what_is_too_much_is_not_read() -> None:
    many = ", ".join(f'Digest realm="{number}"' for number in range(20))
    assert [each["realm"] for each in parse_digests(many)] == [
        str(number) for number in range(MAX_CHALLENGES)
    ]
    began = time.perf_counter()
    for hostile in (' a="\\' * 500, "Digest " + "a=" * 1000, "Digest " + "a" * 2000, " " * 2000):
        parse_digests(hostile)
    assert time.perf_counter() - began < 0.5


@given(st.text(max_size=200))
def test_nothing_fails(value: str) -> None:
    parse_digests(value)
    parse_digests(f"Digest {value}")


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=50))
def test_what_is_quoted_is_read_back(text: str) -> None:
    assert parse_digests(f"Digest realm={quote(text)}, nonce=x") == [{"realm": text, "nonce": "x"}]
