from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio

from gateway.core.events import ErrorCode, GatewayError
from gateway.media import decoder_process
from gateway.media.decoder_process import DecoderProcess
from gateway.media.files import decode_file
from tests.hostile_recordings import many_tags
from tests.recordings import recording

WAV = recording("wav")


@pytest_asyncio.fixture
async def decoder() -> AsyncIterator[DecoderProcess]:
    process = DecoderProcess()
    yield process
    await process.close()


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(5.0):
        while psutil.pid_exists(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_started(decoder: DecoderProcess) -> int:
    async with asyncio.timeout(5.0):
        while decoder.pid is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return decoder.pid


async def refusal(decoder: DecoderProcess, container: str, data: bytes) -> ErrorCode:
    with pytest.raises(GatewayError) as refused:
        await decoder.decode(container, data)
    return refused.value.code


async def test_file_after_file_in_one_process_that_the_first_one_starts(
    decoder: DecoderProcess,
) -> None:
    assert decoder.pid is None
    started = time.monotonic()
    first = await decoder.decode("wav", WAV)
    assert time.monotonic() - started < 1.0
    assert first == decode_file("wav", WAV)
    pid = decoder.pid
    assert await refusal(decoder, "mp3", b"no mp3") is ErrorCode.UNSUPPORTED_FORMAT
    several = await asyncio.gather(*(decoder.decode("mp3", recording("mp3")) for _ in range(5)))
    assert several == [decode_file("mp3", recording("mp3"))] * 5
    assert decoder.pid == pid


async def test_nothing_of_ours_is_in_it(
    decoder: DecoderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    await decoder.decode("wav", WAV)
    process = psutil.Process(decoder.pid)
    assert "secret" not in process.environ().values()
    assert process.nice() > os.nice(0)


async def test_a_file_that_is_its_end_is_refused_and_the_next_one_has_another(
    decoder: DecoderProcess,
) -> None:
    await decoder.decode("wav", WAV)
    pid = decoder.pid
    assert await refusal(decoder, "flac", many_tags(500_000)) is ErrorCode.TOO_LARGE
    assert await decoder.decode("wav", WAV) == decode_file("wav", WAV)
    assert decoder.pid != pid


async def test_one_that_ended_by_itself_is_not_the_next_file_s_fault(
    decoder: DecoderProcess,
) -> None:
    await decoder.decode("wav", WAV)
    process = decoder._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert await decoder.decode("wav", WAV) == decode_file("wav", WAV)


async def test_one_that_crashes_on_a_file_and_one_that_hangs(
    decoder: DecoderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoder.decode("wav", WAV)
    for sent, code in (
        (signal.SIGSEGV, ErrorCode.UNSUPPORTED_FORMAT),
        (signal.SIGSTOP, ErrorCode.TOO_LARGE),
    ):
        pid = await until_started(decoder)
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(decoder_process, "ANSWER_TIMEOUT", 0.2)
        refused = asyncio.create_task(refusal(decoder, "wav", WAV))
        await asyncio.sleep(0)
        os.kill(pid, sent)
        os.kill(pid, signal.SIGCONT if sent is signal.SIGSEGV else sent)
        assert await refused is code
        monkeypatch.undo()
        assert await decoder.decode("wav", WAV) == decode_file("wav", WAV)


async def test_a_file_whose_client_left_is_given_up_with_its_process(
    decoder: DecoderProcess,
) -> None:
    await decoder.decode("wav", WAV)
    pid = await until_started(decoder)
    os.kill(pid, signal.SIGSTOP)
    left = asyncio.create_task(decoder.decode("wav", WAV))
    waiting = asyncio.create_task(decoder.decode("wav", WAV))
    await asyncio.sleep(0)
    left.cancel()
    assert await waiting == decode_file("wav", WAV)
    assert left.cancelled()
    await until_gone(pid)


async def test_a_turn_that_does_not_come_is_refused(
    decoder: DecoderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process, "TURN_TIMEOUT", 0.05)
    await decoder.decode("wav", WAV)
    pid = await until_started(decoder)
    os.kill(pid, signal.SIGSTOP)
    first = asyncio.create_task(decoder.decode("wav", WAV))
    await asyncio.sleep(0)
    assert await refusal(decoder, "wav", WAV) is ErrorCode.CAPACITY
    os.kill(pid, signal.SIGCONT)
    assert await first == decode_file("wav", WAV)


async def test_without_files_it_is_dismissed_and_comes_back(
    decoder: DecoderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process, "IDLE", 0.02)
    await decoder.decode("wav", WAV)
    pid = await until_started(decoder)
    await until_gone(pid)
    assert decoder.pid is None
    assert await decoder.decode("wav", WAV) == decode_file("wav", WAV)


async def test_closed_in_the_middle_it_is_gone_and_takes_no_more() -> None:
    decoder = DecoderProcess()
    await decoder.decode("wav", WAV)
    pid = await until_started(decoder)
    os.kill(pid, signal.SIGSTOP)
    under_way, behind_it = (asyncio.create_task(refusal(decoder, "wav", WAV)) for _ in range(2))
    await asyncio.sleep(0)
    await decoder.close()
    assert not psutil.pid_exists(pid)
    assert await under_way is ErrorCode.UNSUPPORTED_FORMAT
    assert await behind_it is ErrorCode.CAPACITY
    assert await refusal(decoder, "wav", WAV) is ErrorCode.CAPACITY
