from __future__ import annotations

import time

import pytest

from gateway.core.events import ErrorCode, GatewayError
from gateway.media import decoded
from gateway.media.decoded import MAX_SECONDS, MAX_WORK, PIECE_BYTES, Decoded, Work


def test_audio_comes_in_pieces_of_a_second() -> None:
    work, pcm = Work(), bytes(range(250)) * 500
    assert work.is_empty
    for start in range(0, len(pcm), 7_000):
        work.add(pcm[start : start + 7_000])
    assert not work.is_empty
    done = work.done(44_100, 2)
    assert [len(piece) for piece in done.pieces] == [PIECE_BYTES, PIECE_BYTES, 29_000]
    assert b"".join(done.pieces) == pcm
    assert (done.sample_rate, done.channels) == (44_100, 2)
    assert Work().done(8_000, 1) == Decoded([], 8_000, 1)


def test_more_audio_than_an_event_may_have_is_too_large() -> None:
    work, second = Work(), bytes(PIECE_BYTES)
    for _ in range(MAX_SECONDS):
        work.add(second)
    with pytest.raises(GatewayError) as refused:
        work.add(b"\0\0")
    assert refused.value.code is ErrorCode.TOO_LARGE


def test_more_work_than_an_event_may_make_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    work, now = Work(), time.thread_time()
    monkeypatch.setattr(decoded.time, "thread_time", lambda: now + MAX_WORK - 0.1)
    work.add(b"")
    monkeypatch.setattr(decoded.time, "thread_time", lambda: now + MAX_WORK + 0.1)
    with pytest.raises(GatewayError) as refused:
        work.add(b"")
    assert refused.value.code is ErrorCode.TOO_LARGE
