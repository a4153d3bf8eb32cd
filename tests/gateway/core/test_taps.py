"""A tap takes all that passes, and changes nothing of it."""

from __future__ import annotations

from gateway.core.playout import Playout
from gateway.core.replay import ReplayBuffer


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[bytes, float]] = []
        self.taken: list[tuple[str, int, float | None, bool]] = []
        self.recalled: list[int] = []

    def on_heard(self, pcm: bytes, now: float) -> None:
        self.heard.append((pcm, now))

    def on_taken(self, item_id: str, pcm: bytes, plays_at: float | None, fresh: bool) -> None:
        self.taken.append((item_id, len(pcm) // 2, plays_at, fresh))

    def on_recalled(self, samples: int) -> None:
        self.recalled.append(samples)


def test_each_item_of_a_frame_is_told_and_its_padding_is_not() -> None:
    playout, ear = Playout(), Ear()
    playout.taps = (ear,)
    playout.push("a", bytes(2 * 500))
    playout.finish("a")
    playout.push("b", bytes(2 * 560))
    playout.finish("b")
    frames = [playout.next_frame() for _ in range(4)]
    assert [frame and len(frame) for frame in frames] == [960, 960, 960, None]
    assert ear.taken == [
        ("a", 480, None, True),
        ("a", 20, None, False),
        ("b", 460, None, False),
        ("b", 100, None, False),
    ]
    playout.push("c", bytes(960))
    playout.next_frame()
    assert ear.taken[-1] == ("c", 480, None, True)


def test_what_a_caller_buffers_and_did_not_play_is_recalled() -> None:
    playout, ear = Playout(), Ear()
    playout.taps = (ear,)
    playout.push("a", bytes(2 * 4800))
    for frame in range(5):
        playout.next_frame(1.0 + frame * 0.02)
    (cut,) = playout.interrupt(1.05)
    assert cut.heard_samples == 1200
    assert ear.recalled == [5 * 480 - 1200]


def test_the_callers_sound_is_told_when_it_comes() -> None:
    replay, ear = ReplayBuffer(), Ear()
    replay.taps = (ear,)
    replay.append(b"\1\0", 3.0)
    replay.append(b"\2\0", 3.1)
    assert ear.heard == [(b"\1\0", 3.0), (b"\2\0", 3.1)]
