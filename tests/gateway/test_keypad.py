from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.keypad import MAX_KEYS, PAUSE, Keypad
from tests.gateway.media.virtual_loop import VirtualLoop, virtual_loop


class Phone:
    def __init__(self, loop: VirtualLoop) -> None:
        self.entries: list[str] = []

        async def make() -> Keypad:
            return Keypad(self.entries.append)

        self.keypad = loop.run_until_complete(make())


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as loop:
        yield loop


def test_keys_pressed_one_after_the_other_are_one_entry(loop: VirtualLoop) -> None:
    phone = Phone(loop)
    for key in "1234":
        phone.keypad.press(key)
        loop.advance(0.9 * PAUSE)
        assert phone.entries == []
    loop.advance(0.2 * PAUSE)
    assert phone.entries == ["1234"]
    phone.keypad.press("5")
    loop.advance(PAUSE)
    assert phone.entries == ["1234", "5"]
    assert loop.pending_timers() == 0


def test_the_hash_key_ends_an_entry_at_once(loop: VirtualLoop) -> None:
    phone = Phone(loop)
    phone.keypad.press("12#34")
    assert phone.entries == ["12#"]
    loop.advance(PAUSE)
    assert phone.entries == ["12#", "34"]


def test_what_was_pressed_last_is_not_lost(loop: VirtualLoop) -> None:
    phone = Phone(loop)
    phone.keypad.press("A")
    phone.keypad.flush()
    phone.keypad.flush()
    assert phone.entries == ["A"]
    assert loop.pending_timers() == 0


def test_a_flood_of_keys_is_handed_on_in_bounded_entries(loop: VirtualLoop) -> None:
    phone = Phone(loop)
    for _ in range(100):
        phone.keypad.press("0123456789")
    assert [len(entry) for entry in phone.entries] == [MAX_KEYS] * (1000 // MAX_KEYS)
    loop.advance(PAUSE)
    assert "".join(phone.entries) == "0123456789" * 100
