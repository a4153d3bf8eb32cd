"""A tape: calls from outside only, as they were when they were made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from gateway.core.tape import RAISED, Tape, plain


class Door(Enum):
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Room:
    door: Door
    sound: bytes


class House:
    def __init__(self) -> None:
        self.guests: set[str] = set()

    def enter(self, guests: set[str], *, door: Door = Door.OPEN) -> Room:
        self.greet()
        guests.add("late")
        self.guests = guests
        return Room(door, b"hello")

    def greet(self) -> str:
        return "hello"

    def fall_down(self) -> None:
        raise KeyError("a stone")


def taped() -> tuple[House, Tape, list[list[Any]]]:
    house, lines = House(), []
    tape = Tape(lambda call: lines.append(call.line()), lambda: None)
    tape.watch("house", house, ("enter", "greet", "fall_down"))
    return house, tape, lines


def test_a_call_within_a_call_is_no_input_and_a_set_is_kept_as_it_was() -> None:
    house, tape, lines = taped()
    result = house.enter({"b", "a"}, door=Door.OPEN)
    assert result.sound == b"hello"
    assert lines == [
        [
            *("house.enter", [["a", "b"]], {"door": "open"}, []),
            {"is": "Room", "door": "open", "sound": 5},
        ]
    ]
    tape.output("seen", "by nobody")
    house.greet()
    assert lines[1] == ["house.greet", [], {}, [], "hello"]


def test_what_fails_is_kept_too_and_the_tape_goes_on() -> None:
    house, _, lines = taped()
    with pytest.raises(KeyError):
        house.fall_down()
    house.greet()
    assert [(line[0], line[4]) for line in lines] == [
        ("house.fall_down", RAISED),
        ("house.greet", "hello"),
    ]


def test_what_cannot_be_written_is_said() -> None:
    assert plain({"a": (1, 2.5, None, True, frozenset({"x"}))}) == {
        "a": [1, 2.5, None, True, ["x"]]
    }
    with pytest.raises(TypeError, match="House"):
        plain(House())
