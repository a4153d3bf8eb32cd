"""The playout against a reference: in whatever order it is called, each byte is accounted for."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.core.owed import Cut
from gateway.core.playout import Playout

FRAME_BYTES = 960


def frames(playout: Playout) -> bytes:
    """All that can be had now."""
    return b"".join(iter(playout.next_frame, None))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 4 * FRAME_BYTES), max_size=20),
    st.integers(1, 1000),
)
def test_any_split_of_one_item_comes_out_whole(sizes: list[int], frame_samples: int) -> None:
    playout = Playout(frame_samples=frame_samples)
    sent, received = b"", b""
    for size in sizes:
        chunk = bytes((len(sent) + n) % 251 + 1 for n in range(size))
        sent += chunk
        playout.push("a", chunk)
        received += frames(playout)
    playout.finish("a")
    received += frames(playout)
    whole = sent[: len(sent) & ~1]
    assert received[: len(whole)] == whole
    assert not any(received[len(whole) :])
    assert len(received) - len(whole) < 2 * frame_samples
    assert playout.heard("a") == len(whole) // 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4_000), st.sampled_from([240, 480, 720, 960, 1_440]))),
    st.integers(1, 30),
)
def test_frames_of_any_length_count_what_they_hold(
    steps: list[tuple[int, int]], cut_after: int
) -> None:
    """What was handed out before a barge-in is what the model is told, to the sample."""
    playout = Playout()
    received = handed = taken = 0
    for size, frame in steps:
        playout.push("a", b"\1\0" * size)
        received += size
        while handed < cut_after and (pcm := playout.next_frame(None, frame)) is not None:
            assert len(pcm) == 2 * frame
            handed += 1
            taken += frame
    assert playout.heard("a") == taken
    assert playout.owed_samples == received - taken
    heard = [cut.heard_samples for cut in playout.interrupt()]
    assert heard == ([taken] if received else [])


@dataclass
class Spoken:
    """An item as its reference sees it."""

    sent: bytes = b""
    heard: int = 0
    finished: bool = False
    cut: bool = False

    @property
    def owed(self) -> int:
        return 0 if self.cut else len(self.sent) // 2 - self.heard


class PlayoutMachine(RuleBasedStateMachine):
    """Items are pushed one after the other, as one response does; everything else in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.playout = Playout(frame_samples=10, prefill_samples=10)
        self.items: list[Spoken] = []
        self.completed: list[int] = []
        self.byte = 0

    def name(self, index: int) -> str:
        return f"item-{index}"

    @rule()
    def begin(self) -> None:
        self.items.append(Spoken())

    @precondition(lambda self: self.items)
    @rule(size=st.integers(0, 75))
    def push(self, size: int) -> None:
        chunk = bytes((self.byte + n) % 255 + 1 for n in range(size))
        self.byte += size
        item = self.items[-1]
        taken = self.playout.push(self.name(len(self.items) - 1), chunk)
        assert taken == (not item.cut and not item.finished)
        if taken:
            item.sent += chunk

    @precondition(lambda self: self.items)
    @rule(back=st.integers(0, 3))
    def finish(self, back: int) -> None:
        index = max(0, len(self.items) - 1 - back)
        self.playout.finish(self.name(index))
        if self.items[index].sent and not self.items[index].cut:
            self.items[index].finished = True

    @rule()
    def next_frame(self) -> None:
        # A late model is held back more (test_prefill.py).
        enough = 10 if self.playout._running else self.playout._prefill.wanted
        frame = self.playout.next_frame()
        waiting = [item for item in self.items if item.owed > 0]
        owed = sum(item.owed for item in waiting)
        if frame is None:
            # Whatever follows an item's audio releases it; only the newest can hold it back.
            spoken = (i for i in reversed(self.items) if len(i.sent) > 1 and not i.cut)
            last = next(spoken, None)
            assert owed < enough
            assert owed == 0 or (last is not None and not last.finished)
            return
        assert len(frame) == 20
        expected = b""
        for item in waiting:
            size = min(10 - len(expected) // 2, item.owed)
            expected += item.sent[2 * item.heard : 2 * (item.heard + size)]
            item.heard += size
        assert frame == expected.ljust(20, b"\0")

    @rule()
    def interrupt(self) -> None:
        expected = []
        for index, item in enumerate(self.items):
            over = item.finished and item.owed == 0
            if item.sent and not item.cut and not over:
                cut = Cut(self.name(index), 0, item.heard, len(item.sent) // 2)
                expected.append(cut)
                item.cut = True
        assert self.playout.interrupt() == expected

    @invariant()
    def counters_are_exact(self) -> None:
        assert self.playout.owed_samples == sum(item.owed for item in self.items)
        assert self.playout.is_empty == (self.playout.owed_samples == 0)
        for index, item in enumerate(self.items[-10:], max(0, len(self.items) - 10)):
            assert self.playout.heard(self.name(index)) == item.heard
            assert self.playout.received(self.name(index)) == len(item.sent) // 2

    @invariant()
    def each_item_completes_once(self) -> None:
        self.completed += [int(name.removeprefix("item-")) for name in self.playout.completed()]
        assert len(set(self.completed)) == len(self.completed)
        over = {i for i, item in enumerate(self.items) if item.finished and not item.cut}
        assert set(self.completed) == {i for i in over if self.items[i].owed == 0}


TestPlayoutMachine = PlayoutMachine.TestCase
TestPlayoutMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
