"""``send_audio`` and a model that takes what it likes: a real connection, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from gateway import uplink
from gateway.core.events import ErrorCode, GatewayError
from gateway.core.replay import MAX_KEPT
from gateway.sessions import Sessions
from gateway.uplink import MAX_WAITING, SentAudio
from tests.gateways import begin, connected, live_sessions
from tests.stand_in import StandIn

SECOND = np.random.default_rng(1).integers(-9_000, 9_000, 24_000).astype("<i2").tobytes()
CHUNK = SECOND[:4_800]


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def sessions(model: StandIn) -> AsyncIterator[Sessions]:
    async with live_sessions(model.url) as live:
        yield live


async def test_chunks_reach_the_model_in_order(sessions: Sessions, model: StandIn) -> None:
    session, _, line = await connected(sessions, model)
    for start in range(0, len(SECOND), 4_800):
        sent = await session.send_audio(SECOND[start : start + 4_800], None)
        assert sent == SentAudio("pcm16", 24_000, 1, 100)
    assert await line.wait_for_audio(24_000) == SECOND


async def test_audio_sent_before_the_model_is_there_waits_and_so_does_its_commit(
    sessions: Sessions, model: StandIn
) -> None:
    session, _ = begin(sessions)
    await session.send_audio(CHUNK, "pcm16")
    session.commit_audio()
    line = await model.line()
    await line.wait_for("response.create")
    assert bytes(line.audio) == CHUNK
    kinds = [event["type"] for event in line.received]
    assert kinds == ["session.update", "input_audio_buffer.commit", "response.create"]


async def test_a_recording_is_fed_with_patience_and_nothing_of_it_is_dropped(
    sessions: Sessions, model: StandIn
) -> None:
    session, _, line = await connected(sessions, model)
    recording = SECOND * 60
    with line.stalled():
        await session.send_audio(recording, None)
        session.commit_audio()
        assert session._uplink._waiting_bytes > MAX_WAITING
    await line.wait_for("response.create")
    assert bytes(line.audio) == recording
    assert session._model.client.dropped_samples == 0


async def test_more_than_the_model_takes_is_refused_and_what_waits_is_kept(
    sessions: Sessions, model: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "ROOM_TIMEOUT", 0.05)
    session, _, line = await connected(sessions, model)
    with line.stalled():
        await session.send_audio(SECOND * 60, None)
        with pytest.raises(GatewayError) as refused:
            await session.send_audio(CHUNK, None)
        assert refused.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        waiting = asyncio.create_task(session.send_audio(CHUNK, None))
        monkeypatch.setattr(uplink, "ROOM_TIMEOUT", 10.0)
    await waiting
    assert await line.wait_for_audio(60 * 24_000 + 2_400) == SECOND * 60 + CHUNK


async def test_without_a_model_as_much_is_kept_as_it_can_hear_later_and_more_is_refused() -> None:
    async with StandIn() as model:
        url = model.url
    async with live_sessions(url) as sessions:
        session, _ = begin(sessions)
        for _ in range(MAX_KEPT // 24_000 + 5):
            await session.send_audio(SECOND, None)
        with pytest.raises(GatewayError) as refused:
            await session.send_audio(SECOND, None)
        assert refused.value.code is ErrorCode.UPSTREAM_UNAVAILABLE


async def test_a_clear_drops_what_was_sent_but_not_what_was_committed(
    sessions: Sessions, model: StandIn
) -> None:
    session, _, line = await connected(sessions, model)
    with line.stalled():
        await session.send_audio(SECOND * 60, None)
        session.commit_audio()
        session._uplink._put(CHUNK)
        session.clear_audio()
    await line.wait_for("input_audio_buffer.clear")
    assert bytes(line.audio) == SECOND * 60
    kinds = [event["type"] for event in line.received]
    assert kinds[1:] == [
        *("input_audio_buffer.commit", "response.create", "input_audio_buffer.clear"),
    ]


async def test_commands_behind_audio_are_bounded(sessions: Sessions, model: StandIn) -> None:
    session, _, line = await connected(sessions, model)
    with line.stalled():
        await session.send_audio(SECOND * 60, None)
        for _ in range(uplink.MAX_COMMANDS):
            session.commit_audio()
        for refused in (session.clear_audio, session.commit_audio):
            with pytest.raises(GatewayError) as error:
                refused()
            assert error.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    await line.wait_for("input_audio_buffer.commit", count=uplink.MAX_COMMANDS)
    session.commit_audio()
    await line.wait_for("input_audio_buffer.commit", count=uplink.MAX_COMMANDS + 1)


async def test_a_muted_session_hears_what_is_sent_but_not_its_leg(
    sessions: Sessions, model: StandIn
) -> None:
    session, _, line = await connected(sessions, model)
    session.mute(True)
    session.on_audio(SECOND)
    await session.send_audio(CHUNK, None)
    assert await line.wait_for_audio(2_400) == CHUNK
    session.mute(False)
    session.on_audio(CHUNK)
    assert await line.wait_for_audio(4_800) == CHUNK * 2


async def test_a_recording_goes_on_where_the_connection_that_was_lost_had_heard_it(
    sessions: Sessions, model: StandIn
) -> None:
    session, _, line = await connected(sessions, model)
    noise = np.random.default_rng(2).integers(-9_000, 9_000, 20 * 24_000)
    recording = noise.astype("<i2").tobytes()
    with line.stalled():
        await session.send_audio(recording, None)
        session.commit_audio()
        line.socket.transport.abort()
    fresh = await model.line(1)
    await fresh.wait_for("response.create")
    heard = bytes(fresh.audio)
    assert recording.endswith(heard)
    assert len(line.audio) + len(heard) >= len(recording)
    kinds = [event["type"] for event in fresh.received]
    assert kinds[1:] == ["input_audio_buffer.commit", "response.create"]


@pytest.mark.parametrize("form", ["", "PCM", "mp5", "x" * 200])
async def test_a_format_nobody_knows_is_refused(
    sessions: Sessions, model: StandIn, form: str
) -> None:
    session, _, line = await connected(sessions, model)
    with pytest.raises(GatewayError) as refused:
        await session.send_audio(CHUNK, form)
    assert refused.value.code is ErrorCode.UNSUPPORTED_FORMAT
    await session.send_audio(CHUNK, None)
    assert await line.wait_for_audio(2_400) == CHUNK
