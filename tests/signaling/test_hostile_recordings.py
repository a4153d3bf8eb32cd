"""Recordings that are broken, lie or are greedy, sent to a real gateway by a real client."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from gateway.media.decoder import MAX_MEMORY
from signaling.app import Gateway
from tests.gateways import running_gateway
from tests.hostile_recordings import BAD_REQUESTS, BOMBS, TOO_LARGE, UNSUPPORTED, WAV
from tests.signaling.callers import Caller
from tests.stand_in import StandIn

TABLE = [
    *((name, args, "bad_request") for name, args in BAD_REQUESTS.items()),
    *((name, args, "too_large") for name, args in TOO_LARGE.items()),
    *((name, (data, form), "unsupported_format") for name, (form, data) in UNSUPPORTED.items()),
]
SECOND = 24_000
"""Samples of the recording that is good."""


async def is_heard(caller: Caller, model: StandIn, times: int) -> None:
    """A good recording, once more."""
    answer = await caller.ask("send_audio", WAV, "wav")
    assert answer == {
        **{"ok": True, "format": "wav", "sampleRate": 48_000},
        **{"channels": 1, "durationMs": 1_000},
    }
    line = await model.line(0)
    assert len(await line.wait_for_audio(times * SECOND)) == times * SECOND * 2


@pytest.mark.timeout(60)
async def test_whatever_is_sent_gets_its_code_and_the_session_lives_on(
    gateway: Gateway, model: StandIn
) -> None:
    assert len(TABLE) >= 50
    assert len({repr(args) for _, args, _ in TABLE}) == len(TABLE)
    async with Caller(gateway.url) as caller:
        await caller.join()
        await caller.reach_model()
        for count, (name, args, code) in enumerate(TABLE, 1):
            answer = await caller.ask("send_audio", *args)
            assert answer["ok"] is False, name
            assert answer["error"]["code"] == code, (name, answer)
            assert "Traceback" not in answer["error"]["message"], name
            assert await caller.wait("error", count=count) == answer["error"], name
            await is_heard(caller, model, count)


class Cost:
    """What this process, which has the gateway and its client in it, and the decoder's take."""

    def __init__(self, decoder: psutil.Process) -> None:
        self._decoder = decoder
        for process in ("self", str(decoder.pid)):
            Path(f"/proc/{process}/clear_refs").write_text("5")  # The peak is now's from here on.
        self._cpu = self._cpu_now()
        self._memory = _peak("self"), _peak(str(decoder.pid))

    def _cpu_now(self) -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        living = self._decoder.cpu_times() if self._decoder.is_running() else None
        return (
            time.process_time()
            + (ended.ru_utime + ended.ru_stime)
            + (living.user + living.system if living is not None else 0.0)
        )

    @property
    def cpu(self) -> float:
        """Seconds."""
        return self._cpu_now() - self._cpu

    def memory(self, size: int) -> int:
        """Bytes at the peak.

        :param size: of the recording: with it the kernel knows the most that a decoder had which
            did not survive.
        """
        ours, the_decoder_s = self._memory
        alive = self._decoder.is_running()
        there = _peak(str(self._decoder.pid)) - the_decoder_s if alive else MAX_MEMORY + size
        return _peak("self") - ours + there


def _peak(process: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


@pytest_asyncio.fixture
async def spacious(model: StandIn) -> AsyncIterator[Gateway]:
    """A gateway that takes as large recordings as it does by itself."""
    async with running_gateway(model.url) as running:
        yield running


@pytest.mark.parametrize(("form", "make", "code"), BOMBS.values(), ids=BOMBS.keys())
async def test_a_bomb_costs_a_second_and_100_mb_at_most(
    spacious: Gateway, model: StandIn, form: str, make: Callable[[], bytes], code: str
) -> None:
    bomb = make()
    assert len(bomb) <= spacious._settings.max_audio_size
    async with Caller(spacious.url) as caller:
        await caller.join()
        await caller.reach_model()
        await is_heard(caller, model, 1)
        assert spacious.sessions is not None
        pid = spacious.sessions._decoding._files.pid
        assert pid is not None
        cost = Cost(psutil.Process(pid))
        answer = await caller.ask("send_audio", bomb, form)
        print(answer, cost.cpu, cost.memory(len(bomb)) / 1e6)
        assert answer["error"]["code"] == code
        assert cost.cpu <= 1.0
        assert cost.memory(len(bomb)) <= 100_000_000
        await is_heard(caller, model, 2)
