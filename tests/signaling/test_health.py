"""Which part is ill, by what it goes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.events import ErrorCode, Failed, Status, StatusChanged
from gateway.core.observer import CallFacts
from gateway.recording.recorder import Recorder, RecordSettings
from gateway.sessions import Sessions
from signaling.health import LEAST_LAGS, REMEMBERED, DiskHealth, Health, ModelHealth
from signaling.loop_lag import LoopLag
from signaling.watched import Watched
from tests.gateways import live_sessions

URL = "ws://127.0.0.1:9/v1/realtime"


def watched(sessions: Sessions, **parts: Any) -> Watched:
    """Without the doors, of which health asks nothing here."""
    nothing: Any = None
    return Watched(sessions, URL, LoopLag(), nothing, nothing, **parts)


async def test_a_failure_is_remembered_for_a_minute_or_until_it_goes_right() -> None:
    async with live_sessions(URL) as sessions:
        model = ModelHealth(watched(sessions))
        call = model.observe(CallFacts("sess_1", "sip", "haiku", 0.0))
        assert model.part(0.0).shown == {"url": URL, "state": "idle"}
        call.on_session_event(Failed(ErrorCode.UPSTREAM_ERROR, "its own affair"), 1.0)
        assert not model.part(1.0).ill
        call.on_session_event(Failed(ErrorCode.UPSTREAM_UNAVAILABLE, "gone"), 2.0)
        assert model.part(3.0).ill
        assert model.part(3.0).shown == {"url": URL, "state": "unreachable"}
        assert not model.part(2.0 + REMEMBERED).ill
        call.on_session_event(StatusChanged(Status.CONNECTED), 4.0)
        assert not model.part(4.0).ill


async def test_an_embedded_model_that_died_is_told_without_a_call() -> None:
    async with live_sessions(URL) as sessions:
        part = ModelHealth(watched(sessions, embedded=SimpleNamespace(pid=None))).part(0.0)
        assert part.ill
        assert part.shown["state"] == "unreachable"


async def test_a_recorder_that_loses_sound_is_ill_for_a_minute(tmp_path: Path) -> None:
    recorder = Recorder(RecordSettings(tmp_path, "wav"))
    disk = DiskHealth(recorder)
    assert (await disk.part(0.0)).ill, "its thread does not run"
    recorder.start()
    try:
        part = await disk.part(1.0)
        assert not part.ill
        assert part.shown["freeBytes"] > 0
        recorder._dropped += 240
        assert (await disk.part(2.0)).ill
        assert (await disk.part(2.0 + REMEMBERED - 1)).shown["losing"]
        assert not (await disk.part(2.0 + REMEMBERED)).ill
    finally:
        await recorder.close()


async def test_a_disk_that_does_not_say_is_ill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(RecordSettings(tmp_path, "wav"))
    recorder.start()
    try:
        recorder.settings = RecordSettings(tmp_path / "gone", "wav")
        part = await DiskHealth(recorder).part(0.0)
    finally:
        await recorder.close()
    assert part.ill
    assert part.shown["freeBytes"] is None


async def test_a_late_loop_is_ill_once_it_can_be_judged() -> None:
    async with live_sessions(URL) as sessions:
        about = watched(sessions)
        health = Health(about)
        count = about.lag.count
        for number in range(LEAST_LAGS - 5):
            count.called(float(number), number + 0.001)
        count.called(0.0, 0.3)
        report = await health.report()
        assert (report["status"], report["degraded"]) == ("degraded", ["eventLoop"])
        assert report["eventLoop"]["lagP99Ms"] > 100


async def test_a_young_gateway_is_not_judged_by_its_start() -> None:
    async with live_sessions(URL) as sessions:
        about = watched(sessions)
        about.lag.count.called(0.0, 1.0)
        assert (await Health(about).report())["status"] == "ok"


async def test_trunks_and_sockets_that_are_gone_are_ill() -> None:
    sip = SimpleNamespace(
        addresses=["udp:127.0.0.1:5060"],
        is_listening=False,
        stats=SimpleNamespace(calls=1, registrations=2),
        trunks=SimpleNamespace(states={"acme": "registered", "other": "failed"}),
    )
    async with live_sessions(URL) as sessions:
        health = Health(watched(sessions, sip=cast(Any, sip)))
        report = await health.report()
        assert report["degraded"] == ["sip", "trunks"]
        sip.is_listening = True
        sip.trunks.states["other"] = "up"
        report = await health.report()
        assert (report["status"], "degraded" in report) == ("ok", False)
        sessions.draining = True
        assert (await health.report())["status"] == "draining"
