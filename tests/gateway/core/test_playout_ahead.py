"""Audio handed out before it is played: heard is what the clock says, to the sample."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.playout import Playout

RATE = 24_000
FRAME = 480
SECONDS = FRAME / RATE


def push(playout: Playout, item: str, frames: float, *, finish: bool = True) -> None:
    playout.push(item, b"\1\0" * round(frames * FRAME))
    if finish:
        playout.finish(item)


def hand_out(playout: Playout, now: float) -> float:
    """All there is, one frame behind the other; when the first is played."""
    first = start = max(now, playout.busy_until)
    while playout.next_frame(start) is not None:
        start = playout.busy_until
    return first


def test_a_frame_counts_as_heard_bit_by_bit_while_it_is_played() -> None:
    playout = Playout()
    push(playout, "a", 3)
    hand_out(playout, 10.0)
    assert (playout.owed_samples, playout.heard("a"), playout.is_empty) == (0, 0, False)
    playout.settle(10.0 + 1.25 * SECONDS)
    assert playout.heard("a") == 600
    assert playout.completed() == []
    playout.settle(10.0 + 3 * SECONDS)
    assert (playout.heard("a"), playout.is_empty) == (3 * FRAME, True)
    assert playout.completed() == ["a"]
    assert playout.completed() == []


def test_a_cut_takes_back_what_was_not_played_even_of_an_item_handed_out_whole() -> None:
    playout = Playout()
    push(playout, "a", 2)
    push(playout, "b", 5)
    push(playout, "c", 1, finish=False)
    hand_out(playout, 0.0)
    cuts = playout.interrupt(3.5 * SECONDS)
    assert [(cut.item_id, cut.heard_samples, cut.received_samples) for cut in cuts] == [
        *(("b", 720, 5 * FRAME), ("c", 0, FRAME)),
    ]
    assert playout.completed() == ["a"]
    assert playout.is_empty
    assert playout.busy_until < 0
    assert not playout.push("b", b"\1\0")


def test_an_item_finished_after_it_was_handed_out_is_complete_when_it_was_played() -> None:
    playout = Playout()
    push(playout, "a", 2, finish=False)
    hand_out(playout, 0.0)
    playout.finish("a")
    assert playout.completed() == []
    playout.settle(1.0)
    assert playout.completed() == ["a"]


def test_a_padded_frame_is_played_to_its_end_before_the_next() -> None:
    playout = Playout()
    push(playout, "a", 0.5)
    hand_out(playout, 0.0)
    assert playout.busy_until == SECONDS
    playout.settle(SECONDS / 2)
    assert playout.completed() == ["a"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "finish", "frame", "wait", "cut", "sent"]),
            st.integers(0, 2_000),
        ),
        max_size=60,
    )
)
def test_heard_is_what_a_clock_says(steps: list[tuple[str, int]]) -> None:
    playout, now, item = Playout(), 0.0, 0
    pushed: dict[str, int] = {}
    waiting: list[str] = []
    """One entry a sample that was pushed and not handed out."""
    played: list[tuple[str, float]] = []
    """Every sample handed out, and when its end is played."""
    finished: set[str] = set()
    cut: set[str] = set()
    done: list[str] = []

    def heard(name: str) -> int:
        return sum(1 for of, end in played if of == name and end <= now + 0.5 / RATE)

    for what, size in steps:
        name = f"item-{item}"
        if what == "push" and name not in finished | cut and size:
            playout.push(name, b"\1\0" * size)
            pushed[name] = pushed.get(name, 0) + size
            waiting += [name] * size
        elif what == "finish":
            playout.finish(name)
            if name in pushed and name not in cut:
                finished.add(name)
            item += 1
        elif what in ("frame", "sent"):
            start = None if what == "sent" else max(now, playout.busy_until)
            if start is None and playout.busy_until > now:
                continue  # Two legs do not speak at once.
            if playout.next_frame(start) is not None:
                taken, waiting = waiting[:FRAME], waiting[FRAME:]
                for index, of in enumerate(taken):
                    end = now if start is None else start + (index + 1) / RATE
                    played.append((of, end))
        elif what == "wait":
            now += size / 10_000
            playout.settle(now)
        elif what == "cut":
            expected = [
                (of, heard(of), total)
                for of, total in pushed.items()
                if of not in cut and not (of in finished and heard(of) == total)
            ]
            cuts = playout.interrupt(now)
            assert [c.item_id for c in cuts] == [of for of, _, _ in expected]
            for got, (_, samples, total) in zip(cuts, expected, strict=True):
                assert abs(got.heard_samples - samples) <= 1
                assert got.received_samples == total
            cut |= {of for of, _, _ in expected}
            waiting.clear()
            played = [(of, end) for of, end in played if end <= now + 0.5 / RATE]
            item += 1
        playout.settle(now)
        done += playout.completed()
        for of in pushed:
            assert abs(playout.heard(of) - heard(of)) <= 1, of
        assert playout.owed_samples == len(waiting)
    assert len(set(done)) == len(done)
    assert set(done) == {
        of for of in finished - cut if heard(of) == pushed[of] and of not in waiting
    }
