"""Whether an audit log is whole, and where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.audit.chain import (
    BEGAN,
    CONTINUED,
    NOTHING,
    PREVIOUS,
    TORN,
    Head,
    NotAnEntry,
    digest,
    follows,
    head_of,
    parse_entry,
)


@dataclass(slots=True)
class Verdict:
    """What is known of a log.

    :ivar breaks: where it is not what was written, in the order of its lines.
    :ivar remarks: what is to be known, but breaks nothing.
    :ivar head: of the last entry.
    """

    breaks: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    entries: int = 0
    head: Head = NOTHING


@dataclass(frozen=True, slots=True)
class _Line:
    where: str
    text: bytes
    entry: dict[str, Any] | None
    ended: bool


def verify(files: Iterable[tuple[str, Iterable[bytes]]], known: Head | None = None) -> Verdict:
    """Read a log.

    :param files: name and lines (with their ends) of each, the oldest first.
    :param known: a head that it had once, or has now: entries that are missing at its end are found
        by this only.
    """
    verdict = Verdict()
    seen = known is None
    torn: list[_Line] = []
    for line in _lines(files):
        if line.entry is None:
            torn.append(line)
            continue
        _judge_torn(verdict, torn, line.entry)
        torn = []
        _judge(verdict, line, line.entry)
        verdict.entries += 1
        verdict.head = head_of(line.entry)
        if known is not None and verdict.head.seq == known.seq:
            seen = True
            if verdict.head != known:
                verdict.breaks.append(f"{line.where}: entry {known.seq} is not the one of the head")
    _judge_torn(verdict, torn, None)
    if not seen and known is not None:
        last = verdict.head.seq
        verdict.breaks.append(
            f"the end: entry {known.seq} of the head is missing; the last one is {last}"
        )
    if not verdict.entries and not verdict.breaks:
        verdict.breaks.append("there is no entry")
    return verdict


def _judge(verdict: Verdict, line: _Line, entry: dict[str, Any]) -> None:
    """Look at an entry after all that came before it."""
    head, seq = verdict.head, entry["seq"]
    before = head.hash
    if head is NOTHING:
        if (first := _first(line, entry)) is None:
            verdict.breaks.append(f"{line.where}: entry {seq} is the first: its file has no begin")
            return
        before, remark = first
        verdict.remarks += remark
    elif seq > head.seq + 1:
        missing = f"{head.seq + 1}" if seq == head.seq + 2 else f"{head.seq + 1} to {seq - 1}"
        verdict.breaks.append(f"{line.where}: before entry {seq} is missing: {missing}")
        return
    elif seq <= head.seq:
        verdict.breaks.append(f"{line.where}: entry {seq} stands behind entry {head.seq}")
        return
    if not follows(entry, before):
        one = f"entry {seq}" if head is NOTHING else f"entry {seq} or the hash of entry {head.seq}"
        verdict.breaks.append(f"{line.where}: {one} was changed")


def _first(line: _Line, entry: dict[str, Any]) -> tuple[str, list[str]] | None:
    """The hash before the first entry of all, and what is to be said of it; None: it is no first
    one.
    """
    if entry.get("action") == BEGAN and entry["seq"] == 0:
        return "", []
    previous = entry["facts"].get(PREVIOUS)
    if entry.get("action") != CONTINUED or not isinstance(previous, str):
        return None
    try:
        head = Head.parse(previous)
    except ValueError:
        return None
    if head.seq + 1 != entry["seq"]:
        return None
    return head.hash, [f"{line.where}: goes on where another file ended, at {head}"]


def _judge_torn(verdict: Verdict, torn: list[_Line], after: dict[str, Any] | None) -> None:
    """Lines that are no entries may be what a crash left, if the next entry says so."""
    if after is not None and torn:
        rest = b"\n".join(line.text for line in torn)
        if after["facts"].get(TORN) == digest(rest):
            verdict.remarks.append(
                f"{torn[0].where}: unfinished at a crash; the next entry says so"
            )
            return
    for line in torn:
        if line.ended:
            verdict.breaks.append(f"{line.where}: is no entry")
        else:
            verdict.breaks.append(
                f"{line.where}: is unfinished; after a crash the gateway's next start marks it"
            )


def _lines(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[_Line]:
    for name, lines in files:
        for number, raw in enumerate(lines, 1):
            text = raw.removesuffix(b"\n")
            ended = len(text) < len(raw)
            try:
                entry = parse_entry(text) if ended else None
            except NotAnEntry:
                entry = None
            yield _Line(f"{name}:{number}", text, entry, ended)
