"""Logs for tests, made of the chain alone."""

from __future__ import annotations

from gateway.audit.chain import BEGAN, CONTINUED, NOTHING, PREVIOUS, Head, chained


def entry(action: str, **facts: object) -> dict[str, object]:
    """What a log keeps of an action."""
    at = "2026-11-26T12:00:00.000Z"
    return {
        **{"action": action, "actor": "ann", "at": at, "door": "whip", "session": "sess_1"},
        "facts": facts,
    }


def log_of(count: int) -> list[bytes]:
    """The lines of a log of ``count`` entries."""
    head, lines = NOTHING, []
    for number in range(count):
        now = entry("session.opened", n=number) if number else entry(BEGAN, salt="ab" * 32)
        line, head = chained(head, now)
        lines.append(line)
    return lines


def going_on(head: Head) -> tuple[list[bytes], Head]:
    """The lines of the next file."""
    first, head = chained(head, entry(CONTINUED, **{PREVIOUS: str(head)}))
    second, head = chained(head, entry("session.ended"))
    return [first, second], head
