"""Every entry is bound to what came before it, and has one spelling."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.chain import (
    NOTHING,
    Head,
    NotAnEntry,
    chained,
    follows,
    head_of,
    parse_entry,
)
from tests.gateway.audit.entries import entry, log_of


def test_a_hash_is_that_of_the_hash_before_and_the_entry() -> None:
    first, second = (json.loads(line) for line in log_of(2))
    said = {name: value for name, value in second.items() if name != "hash"}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    assert second["hash"] == hashlib.sha256((first["hash"] + text).encode()).hexdigest()
    assert (first["seq"], second["seq"]) == (0, 1)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none()))
def test_any_facts_come_back_from_one_line_of_ascii(facts: dict[str, object]) -> None:
    line, head = chained(NOTHING, {**entry("x"), "facts": facts})
    assert line.isascii()
    assert line.count(b"\n") == 1
    found = parse_entry(line[:-1])
    assert (found["facts"], head_of(found)) == (facts, head)
    assert follows(found, "")
    assert not follows(found, "0" * 64)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"facts":{},"hash":"","seq":true}',
        b'{"facts":[],"hash":"","seq":1}',
        b'{"facts":{},"hash":"", "seq":1}',
        b'{"facts":{},"hash":"","seq":1,"seq":1}',
        b"[" * 100_000,
        b'{"facts":{"n":NaN},"hash":"","seq":1}',
    ],
)
def test_what_a_log_does_not_write_is_no_entry(line: bytes) -> None:
    with pytest.raises(NotAnEntry):
        parse_entry(line)


def test_a_head_is_written_and_read() -> None:
    head = Head(12, "ab" * 32)
    assert Head.parse(str(head)) == head
    for wrong in ("12", "12:ab", "x:" + "ab" * 32, "12:" + "AB" * 32):
        with pytest.raises(ValueError, match="expected a number"):
            Head.parse(wrong)
