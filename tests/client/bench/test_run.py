import asyncio

import pytest

from client.python.bench import run
from client.python.bench.agent import Voice
from client.python.bench.doors import Doors
from client.python.bench.model import MockModel
from client.python.bench.profile import parse_profile
from client.python.bench.run import STAIRCASE_SECONDS, Load, ProfileRun
from client.python.bench.stock_bridge import Bridge
from client.python.bench.subject import Subject

LOAD = Load(calls=2, seconds=2.5, warm_up=0.6, barge_ins=1, voice=Voice(answer=0.9, pause=0.2))


async def test_a_profile_is_measured_from_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_FIRST_CALL_SECONDS", 0.1)
    monkeypatch.setattr(run, "_SETTLE_SECONDS", 0.0)
    model = MockModel()
    await model.start()
    bridge = Bridge(model.url)
    url = await bridge.start()
    profile = parse_profile("loss=2")
    figures = await ProfileRun(profile, LOAD, Doors(url), Subject(url, None), model).measure()
    await bridge.stop()
    await model.stop()
    assert (figures.profile, figures.calls, figures.calls_lost) == ("loss=2", 2, 0)
    assert figures.seconds == pytest.approx(2.5, abs=0.5)
    assert figures.uplink_ms.count >= 2
    assert figures.uplink_ms.p50 is not None
    # The stock jitter buffer holds four packets.
    assert figures.uplink_ms.p50 > 50
    assert figures.downlink_ms.count >= 2
    assert figures.pacing_ms.count > 100
    assert 0.3 < figures.delivered < 1.3
    assert 0 < figures.packets_lost < 0.1
    assert figures.barge_in.stop_ms.count + figures.barge_in.never == 2
    assert figures.barge_in.untold == 2
    assert figures.cpu_ms_per_call_s is None
    assert figures.generator_cpu_ms_per_call_s > 0
    assert figures.generator_lag_ms.count > 100
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_staircase_fits_into_its_least_window() -> None:
    assert 5 < STAIRCASE_SECONDS < 8
