"""``docs/openai-compatibility.md`` has every event that the ``openai`` package knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent

PAGE = Path(__file__).parents[1] / "docs" / "openai-compatibility.md"
WORDS = {"supported", "forwarded", "local", "refused", "renamed"}


def types_of(union: Any) -> set[str]:
    (events, *_) = get_args(union)
    return {get_args(event.model_fields["type"].annotation)[0] for event in get_args(events)}


@pytest.mark.parametrize(
    ("title", "union"),
    [("Client events", RealtimeClientEvent), ("Server events", RealtimeServerEvent)],
)
def test_every_event_has_its_row(title: str, union: Any) -> None:
    section = PAGE.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \|", section, re.MULTILINE)
    names = [name for name, _ in rows]
    assert len(names) == len(set(names))
    assert set(names) == types_of(union)
    assert {word for _, word in rows} <= WORDS
