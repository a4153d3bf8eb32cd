"""Whatever is done to a log but at its end is found, and said where."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.chain import BEGAN, NOTHING, TORN, Head, chained, digest, head_of, parse_entry
from gateway.audit.verdict import Verdict, verify
from tests.gateway.audit.entries import entry, going_on, log_of


def verdict_on(lines: list[bytes], known: Head | None = None) -> Verdict:
    return verify([("audit.jsonl", lines)], known)


def head_after(line: bytes) -> Head:
    return head_of(parse_entry(line.removesuffix(b"\n")))


def test_a_whole_log_is_whole() -> None:
    lines = log_of(50)
    verdict = verdict_on(lines, head_after(lines[20]))
    assert (verdict.breaks, verdict.remarks, verdict.entries) == ([], [], 50)
    assert verdict.head == head_after(lines[-1])


@given(st.data())
def test_a_byte_that_was_changed_is_found(data: st.DataObject) -> None:
    lines = log_of(8)
    number = data.draw(st.integers(0, 7))
    line = bytearray(lines[number])
    # The end of the last line apart: without it, it is unfinished.
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    lines[number] = bytes(line)
    assert verdict_on(b"".join(lines).splitlines(keepends=True)).breaks


@given(st.data())
def test_lines_that_were_removed_or_moved_are_found(data: st.DataObject) -> None:
    lines = log_of(8)
    changed = data.draw(
        st.lists(st.sampled_from(lines), min_size=1, max_size=12).filter(
            lambda drawn: drawn != lines[: len(drawn)]
        )
    )
    assert verdict_on(changed).breaks


def test_a_fact_that_was_changed_and_hashed_again_breaks_the_next_entry() -> None:
    lines = log_of(5)
    other, _ = chained(head_after(lines[1]), entry("session.opened", n=99))
    verdict = verdict_on([*lines[:2], other, *lines[3:]])
    assert verdict.breaks == ["audit.jsonl:4: entry 3 or the hash of entry 2 was changed"]


def test_what_is_wrong_is_said() -> None:
    lines = log_of(8)
    assert verdict_on([*lines[:3], *lines[4:]]).breaks == [
        "audit.jsonl:4: before entry 4 is missing: 3"
    ]
    assert verdict_on([*lines[:3], *lines[6:]]).breaks == [
        "audit.jsonl:4: before entry 6 is missing: 3 to 5"
    ]
    assert verdict_on([*lines[:3], lines[1]]).breaks == [
        "audit.jsonl:4: entry 1 stands behind entry 2"
    ]
    assert verdict_on(lines[2:]).breaks == [
        "audit.jsonl:1: entry 2 is the first: its file has no begin"
    ]
    assert verdict_on([*lines[:3], b"hello\n"]).breaks == ["audit.jsonl:4: is no entry"]
    assert verdict_on([]).breaks == ["there is no entry"]


def test_an_end_that_was_cut_off_is_found_by_a_head_alone() -> None:
    lines = log_of(8)
    known = head_after(lines[-1])
    assert verdict_on(lines[:5]).breaks == []
    assert verdict_on(lines[:5], known).breaks == [
        "the end: entry 7 of the head is missing; the last one is 4"
    ]
    # Somebody made all of it anew.
    other = [chained(NOTHING, entry(BEGAN, salt="cd" * 32))[0]]
    for n in range(1, 8):
        other.append(chained(head_after(other[-1]), entry("session.opened", n=n))[0])
    assert verdict_on(other).breaks == []
    assert verdict_on(other, known).breaks == ["audit.jsonl:8: entry 7 is not the one of the head"]


def test_what_a_crash_left_is_no_break_once_it_is_marked() -> None:
    lines = log_of(4)
    torn = lines[3][:40]
    assert verdict_on([*lines[:3], torn]).breaks == [
        "audit.jsonl:4: is unfinished; after a crash the gateway's next start marks it"
    ]
    marked, head = chained(head_after(lines[2]), entry("gateway.started", **{TORN: digest(torn)}))
    after, _ = chained(head, entry("x"))
    verdict = verdict_on([*lines[:3], torn + b"\n", marked, after])
    assert (verdict.breaks, len(verdict.remarks), verdict.entries) == ([], 1, 5)
    # Something else stands there now.
    other = verdict_on([*lines[:3], torn[1:] + b"\n", marked, after])
    assert other.breaks == ["audit.jsonl:4: is no entry"]


def test_files_go_on_one_after_the_other() -> None:
    first = log_of(3)
    second, head = going_on(head_after(first[-1]))
    both = verify([("a", first), ("b", second)])
    assert (both.breaks, both.remarks, both.head) == ([], [], head)
    alone = verdict_on(second)
    assert (alone.breaks, len(alone.remarks), alone.head) == ([], 1, head)
    cut = verify([("a", first[:2]), ("b", second)])
    assert cut.breaks == ["b:1: before entry 3 is missing: 2"]


@pytest.mark.parametrize("previous", [None, "x", "7:" + "ab" * 32])
def test_a_begin_that_tells_nothing_is_none(previous: object) -> None:
    second, _ = going_on(head_after(log_of(3)[-1]))
    first = {**json.loads(second[0]), "facts": {"previous": previous}}
    line = json.dumps(first, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    assert verdict_on([line]).breaks == [
        "audit.jsonl:1: entry 3 is the first: its file has no begin"
    ]
