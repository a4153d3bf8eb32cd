from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.core.events import ErrorCode, GatewayError
from gateway.media import decoding
from gateway.media.containers import Recording
from gateway.media.decoded import Decoded
from gateway.media.decoding import DecodingPool
from tests.recordings import recording

OGG, WAV = recording("ogg"), recording("wav")


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[DecodingPool]:
    made = DecodingPool()
    yield made
    await made.close()


class Slow(Recording):
    """Takes until it is told to go on."""

    def __init__(self, go_on: threading.Event) -> None:
        super().__init__("ogg")
        self._go_on = go_on
        self.thread = ""

    def decode_stream(self, data: bytes) -> Decoded | None:
        self.thread = threading.current_thread().name
        assert self._go_on.wait(5.0)
        return super().decode_stream(data)


def go() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


async def test_streams_are_decoded_in_one_thread_and_without_a_process(pool: DecodingPool) -> None:
    running = [Slow(go()) for _ in range(9)]
    done = await asyncio.gather(*(pool.decode(one, OGG) for one in running))
    assert all(one == Recording("ogg").decode_stream(OGG) for one in done)
    assert {one.thread for one in running} == {"decoding_0"}
    assert pool._files.pid is None


@pytest.mark.parametrize("kind", ["wav", "ogg of Vorbis"])
async def test_files_are_decoded_in_a_process(pool: DecodingPool, kind: str) -> None:
    running = Recording(kind.split()[0])
    decoded = await pool.decode(running, recording(kind, "stereo"))
    assert decoded.channels == 2
    assert not running.continues
    assert pool._files.pid is not None


async def test_what_goes_wrong_comes_back(pool: DecodingPool) -> None:
    with pytest.raises(GatewayError) as refused:
        await pool.decode(Recording("ogg"), bytes(100))
    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT


async def test_the_queue_is_bounded_and_a_caller_that_went_away_leaves_its_place(
    pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MAX_WAITING", 2)
    go_on = threading.Event()
    tasks = [asyncio.create_task(pool.decode(Slow(go_on), OGG)) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    for data, kind in ((OGG, "ogg"), (WAV, "wav")):
        with pytest.raises(GatewayError) as refused:
            await pool.decode(Recording(kind), data)
        assert refused.value.code is ErrorCode.CAPACITY
    go_on.set()
    assert await tasks[1] == Recording("ogg").decode_stream(OGG)
    assert await pool.decode(Recording("wav"), WAV)


async def test_a_stream_that_waits_too_long_is_refused(
    pool: DecodingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PATIENCE", 0.02)
    go_on = threading.Event()
    with pytest.raises(GatewayError) as refused:
        await pool.decode(Slow(go_on), OGG)
    assert refused.value.code is ErrorCode.CAPACITY
    go_on.set()


async def test_an_unused_pool_has_no_thread() -> None:
    before = threading.active_count()
    await DecodingPool().close()
    assert threading.active_count() == before
