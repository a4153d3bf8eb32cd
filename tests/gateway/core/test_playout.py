"""The playout: what was pushed comes out once, in order, and is counted to the sample."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway.core.owed import Cut
from gateway.core.playout import MAX_ITEMS, Playout

FRAME = 480
FRAME_BYTES = 2 * FRAME


def pcm(samples: int, start: int = 1) -> bytes:
    """Samples that all differ from each other and from silence."""
    return b"".join((1 + (start + n) % 32_000).to_bytes(2, "little") for n in range(samples))


def frames(playout: Playout, count: int | None = None) -> list[bytes]:
    """The next ``count`` frames, or all that can be had."""
    taken: list[bytes] = []
    while count is None or len(taken) < count:
        frame = playout.next_frame()
        if frame is None:
            break
        taken.append(frame)
    return taken


@pytest.fixture
def playout() -> Playout:
    return Playout()


def test_at_rest_nothing_is_owed(playout: Playout) -> None:
    assert playout.next_frame() is None
    assert playout.is_empty
    assert playout.playing is None
    assert playout.interrupt() == []
    assert playout.stats.underruns == 0


def test_audio_comes_out_in_frames_as_it_went_in(playout: Playout) -> None:
    audio = pcm(3 * FRAME)
    assert playout.push("a", audio)
    assert playout.playing == "a"
    assert playout.owed_samples == 3 * FRAME
    assert b"".join(frames(playout)) == audio
    assert playout.heard("a") == playout.received("a") == 3 * FRAME


def test_what_waits_does_not_move(playout: Playout) -> None:
    playout.push("a", pcm(3 * FRAME))
    assert not playout.moved()
    playout.next_frame()
    assert playout.moved()
    assert not playout.moved()
    playout.next_frame(plays_at=10.0)
    assert playout.moved()
    assert playout.moved(), "the caller plays it still"
    playout.settle(11.0)
    assert not playout.moved()
    assert not playout.is_empty


def test_a_first_delta_of_one_frame_starts_at_once(playout: Playout) -> None:
    playout.push("a", pcm(FRAME - 1))
    assert playout.next_frame() is None
    playout.push("a", pcm(1))
    assert playout.next_frame() is not None


def test_odd_byte_counts_are_joined_across_pushes(playout: Playout) -> None:
    audio = pcm(2 * FRAME)
    for start in range(0, len(audio), 7):
        playout.push("a", audio[start : start + 7])
    assert b"".join(frames(playout)) == audio


def test_half_a_sample_at_the_end_is_dropped(playout: Playout) -> None:
    playout.push("a", pcm(FRAME) + b"\x01")
    playout.finish("a")
    assert frames(playout) == [pcm(FRAME)]
    assert playout.completed() == ["a"]
    assert playout.is_empty
    assert playout.playing is None


def test_no_zeros_are_put_into_the_middle_of_an_item(playout: Playout) -> None:
    playout.push("a", pcm(FRAME + 100))
    assert len(frames(playout)) == 1
    assert playout.stats.underruns == 1
    assert playout.owed_samples == 100
    assert playout.next_frame() is None
    assert playout.stats.underruns == 1, "one underrun is counted once"
    playout.push("a", pcm(FRAME - 100, start=FRAME + 101))
    assert frames(playout) == [pcm(FRAME, start=FRAME + 1)]


def test_waiting_for_the_beginning_of_an_item_is_no_underrun(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    playout.finish("a")
    frames(playout, 1)
    playout.push("b", pcm(100))
    assert playout.next_frame() is None
    assert playout.stats.underruns == 0


def test_the_very_last_frame_is_padded(playout: Playout) -> None:
    playout.push("a", pcm(FRAME + 100))
    playout.finish("a")
    [_, last] = frames(playout)
    assert last == pcm(100, start=FRAME + 1) + bytes(FRAME_BYTES - 200)
    assert playout.heard("a") == FRAME + 100
    assert playout.stats.underruns == 0


def test_finish_after_the_last_whole_frame_completes_the_item(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    frames(playout)
    assert playout.completed() == []
    assert playout.playing == "a"
    playout.finish("a")
    assert playout.completed() == ["a"]
    assert playout.completed() == []
    assert playout.playing is None


@pytest.mark.parametrize("finished", [True, False])
def test_a_frame_is_joined_with_the_next_item(playout: Playout, finished: bool) -> None:
    playout.push("a", pcm(100))
    if finished:
        playout.finish("a")
    playout.push("b", pcm(FRAME, start=7))
    assert playout.next_frame() == pcm(100) + pcm(FRAME - 100, start=7)
    assert playout.heard("b") == FRAME - 100
    assert playout.playing == "b"
    assert playout.completed() == (["a"] if finished else [])


def test_an_item_that_goes_on_after_another_began_loses_nothing(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    playout.push("b", pcm(FRAME, start=7))
    frames(playout, 1)
    playout.next_frame()
    playout.push("a", pcm(FRAME, start=99))
    assert frames(playout) == [pcm(FRAME, start=99)]
    assert playout.heard("a") == 2 * FRAME


def test_prefill_holds_a_talkspurt_back_and_applies_again_after_an_underrun() -> None:
    playout = Playout(prefill_samples=3 * FRAME)
    playout.push("a", pcm(2 * FRAME))
    assert playout.next_frame() is None
    playout.push("a", pcm(FRAME))
    assert len(frames(playout)) == 3
    playout.push("a", pcm(FRAME))
    assert playout.next_frame() is None
    playout.finish("a")
    assert len(frames(playout)) == 1


# -- interrupt -------------------------------------------------------------


def test_interrupt_cuts_the_playing_and_the_queued_items(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    playout.finish("a")
    playout.push("b", pcm(3 * FRAME))
    playout.finish("b")
    playout.push("c", pcm(10))
    frames(playout, 2)
    assert playout.interrupt() == [Cut("b", 0, FRAME, 3 * FRAME), Cut("c", 0, 0, 10)]
    assert playout.next_frame() is None
    assert playout.is_empty
    assert playout.playing is None
    assert playout.completed() == ["a"]
    assert playout.interrupt() == []


def test_an_unfinished_item_heard_so_far_is_cut_where_it_is(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    frames(playout)
    assert playout.interrupt() == [Cut("a", 0, FRAME, FRAME)]


def test_padding_is_not_heard(playout: Playout) -> None:
    playout.push("a", pcm(100))
    playout.finish("a")
    frames(playout)
    assert playout.heard("a") == 100


def test_late_audio_of_a_cut_item_is_refused(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    playout.interrupt()
    assert not playout.push("a", pcm(FRAME))
    assert playout.stats.refused_late == 1
    assert playout.is_empty
    playout.finish("a")
    assert playout.completed() == []
    assert playout.push("b", pcm(FRAME))
    assert frames(playout) == [pcm(FRAME)]


@pytest.mark.parametrize("cut", [True, False])
def test_an_id_used_again_is_a_new_item_once_it_begins(playout: Playout, cut: bool) -> None:
    playout.push("a", pcm(FRAME))
    if cut:
        playout.interrupt()
    else:
        playout.finish("a")
        frames(playout)
    playout.begin("a")
    assert playout.push("a", pcm(10))
    assert (playout.heard("a"), playout.received("a")) == (0, 10)


def test_begin_leaves_an_item_that_still_plays_alone(playout: Playout) -> None:
    playout.push("a", pcm(2 * FRAME))
    frames(playout, 1)
    playout.begin("a")
    assert (playout.heard("a"), playout.received("a")) == (FRAME, 2 * FRAME)


def test_audio_after_finish_is_refused(playout: Playout) -> None:
    playout.push("a", pcm(FRAME))
    playout.finish("a")
    assert not playout.push("a", pcm(1))
    assert playout.stats.refused_late == 1


def test_a_cut_names_the_content_part_and_its_own_position(playout: Playout) -> None:
    playout.push("a", pcm(FRAME), content_index=0)
    playout.push("a", pcm(2 * FRAME), content_index=2)
    frames(playout, 2)
    assert playout.heard("a") == 2 * FRAME
    assert playout.received("a") == 3 * FRAME
    assert playout.interrupt() == [Cut("a", 2, FRAME, 2 * FRAME)]


def test_a_cut_in_the_first_part_names_it_though_another_is_queued(playout: Playout) -> None:
    playout.push("a", pcm(2 * FRAME), content_index=0)
    playout.push("a", pcm(FRAME), content_index=1)
    frames(playout, 1)
    assert playout.interrupt() == [Cut("a", 0, FRAME, 2 * FRAME)]


@pytest.mark.parametrize(("heard", "ms"), [(0, 0), (23, 0), (24, 1), (479, 19), (480, 20)])
def test_heard_ms_is_rounded_down(heard: int, ms: int) -> None:
    assert Cut("a", 0, heard, 480).heard_ms == ms


# -- bounds ----------------------------------------------------------------


def test_owed_audio_is_bounded_and_an_item_keeps_no_hole() -> None:
    playout = Playout(max_seconds=0.1)
    assert playout.push("a", pcm(5 * FRAME))
    assert not playout.push("a", pcm(1))
    assert playout.stats.refused_full == 1
    frames(playout, 3)
    assert not playout.push("a", pcm(1)), "audio after a hole would shift what was heard"
    playout.finish("a")
    assert len(frames(playout)) == 2
    assert playout.completed() == ["a"]
    assert playout.push("b", pcm(1))


def test_only_recent_items_are_remembered(playout: Playout) -> None:
    for number in range(MAX_ITEMS + 10):
        playout.push(f"{number}", pcm(FRAME))
        playout.finish(f"{number}")
        frames(playout)
    assert playout.heard("0") == 0
    assert playout.heard(f"{MAX_ITEMS}") == FRAME
    assert len(playout.completed()) == MAX_ITEMS


def test_no_more_items_than_remembered_may_be_queued(playout: Playout) -> None:
    for number in range(MAX_ITEMS):
        assert playout.push(f"{number}", pcm(1))
    assert not playout.push("one more", pcm(1))
    assert playout.stats.refused_full == 1
    assert len(playout.interrupt()) == MAX_ITEMS


def test_a_flood_of_tiny_chunks_takes_little_more_than_its_bytes(playout: Playout) -> None:
    audio = pcm(90 * FRAME)
    tracemalloc.start()
    for start in range(0, len(audio), 3):
        playout.push("a", audio[start : start + 3])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * len(audio)
    assert b"".join(frames(playout)) == audio


def test_empty_audio_begins_no_item(playout: Playout) -> None:
    assert playout.push("a", b"")
    assert playout.playing is None
    playout.finish("a")
    assert playout.completed() == []
