from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.owed import Cut, Item, Part


@given(st.lists(st.binary(min_size=1, max_size=5000), max_size=8), st.lists(st.integers(0, 3000)))
def test_bytes_come_out_as_they_went_in_however_they_are_taken(
    chunks: list[bytes], sizes: list[int]
) -> None:
    part = Part(Item("item"), 0)
    for chunk in chunks:
        part.append(chunk)
    taken = b""
    for size in sizes:
        taken += part.take(min(2 * size, part.playable))
    assert b"".join(chunks).startswith(taken)
    assert part.taken == len(taken)
    taken += part.take(part.playable)
    assert part.received - len(taken) in (0, 1), "half a sample waits for its other half"


def test_a_cut_is_at_the_first_part_that_was_not_heard_whole() -> None:
    item = Item("item")
    item.parts = {index: Part(item, index) for index in (0, 1, 2)}
    for part in item.parts.values():
        part.append(bytes(480))
        part.queued = True
    first, second, _ = item.parts.values()
    first.take(480)
    first.heard = 480
    second.take(240)
    second.heard = 96
    assert item.cut_off() == Cut("item", 1, heard_samples=48, received_samples=240)
    assert item.is_done
    assert not item.is_queued
    assert not item.is_pending


def test_audio_end_ms_is_never_beyond_what_was_received() -> None:
    assert Cut("item", 0, heard_samples=47, received_samples=47).heard_ms == 1
