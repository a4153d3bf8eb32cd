"""Calls that are recorded: by a gateway that is killed in the middle of one, and twenty at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from client.python import Microphone, Speaker, TalkpathClient
from gateway.core.media_time import SAMPLE_RATE
from gateway.recording.files import read_lines
from gateway.recording.folder import CRASHED
from gateway.replaying import main as replay
from tests.client.tones import tone
from tests.event_recorder import SocketClient
from tests.gateways import running_gateway
from tests.heard_files import decode, loud_seconds, onset
from tests.stand_in import StandIn

ROOT = Path(__file__).parents[2]
LONG = "one two three four five six seven eight"


def voice(seconds: float, hertz: float = 500.0) -> bytes:
    return tone(seconds, SAMPLE_RATE, hertz=hertz).tobytes()


@contextlib.asynccontextmanager
async def serving(
    model: StandIn, root: Path, **settings: str
) -> AsyncIterator[tuple[Process, str]]:
    """``talkpath serve`` as a process that can be killed; its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", "serve", "--port", "0"),
        stdout=PIPE,
        stderr=PIPE,
        env={
            **os.environ,
            **{"PYTHONPATH": str(ROOT), "REALTIME_URL": model.url, "RECORD_DIR": str(root)},
            **{"PUBLIC_ADDRESS": "127.0.0.1", **settings},
        },
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        yield process, line.split()[3]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def calling(url: str) -> AsyncIterator[tuple[TalkpathClient, Microphone, Speaker]]:
    async with TalkpathClient(url) as client:
        await client.connect()
        microphone, speaker = Microphone(), Speaker()
        await client.call(microphone, speaker)
        yield client, microphone, speaker


async def only_recording(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with http.get(f"{url}/api/recordings") as answer:
        found: list[dict[str, Any]] = (await answer.json())["recordings"]
    assert len(found) == 1
    return found[0]


def folders(root: Path) -> list[Path]:
    return list(root.iterdir())


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_lines(folder / "events.jsonl") if event["type"] == kind]


async def test_a_client_over_websocket_is_recorded_as_it_plays(tmp_path: Path) -> None:
    settings = {"record_dir": tmp_path, "record_format": "wav", "record_notice": "You are taped."}
    async with (
        StandIn() as model,
        running_gateway(model.url, **settings) as gateway,
        SocketClient(gateway.url, "model=some-model") as client,
    ):
        line = await model.line()
        asked = await line.wait_for("response.create")
        assert "You are taped." in asked["response"]["instructions"]
        await line.answer("You are taped.", voice(1.0))
        await client.wait("response.done")
        item_id = await line.answer(LONG, voice(8.0))
        await client.wait("response.done", 2)
        cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": 1_500}
        await client.send("conversation.item.truncate", **cut)
        await line.wait_for("conversation.item.truncate")
    (folder,) = folders(tmp_path)
    _, right = decode(folder / "recording.wav")
    # One second, and behind it what it played of eight.
    assert loud_seconds(right) == pytest.approx(2.5, abs=0.1)


@pytest.mark.parametrize("form", ["opus", "wav"])
async def test_killed_in_mid_call_it_leaves_all_but_the_last_second(
    form: str, tmp_path: Path
) -> None:
    root = tmp_path / "kept"
    async with StandIn() as model, serving(model, root, RECORD_FORMAT=form) as (process, url):
        with contextlib.suppress(Exception):  # how a client ends whose gateway is gone
            async with calling(url) as (client, microphone, speaker):
                line = await model.line()
                await microphone.say(tone(0.5, SAMPLE_RATE), SAMPLE_RATE)
                await line.wait_for_audio(SAMPLE_RATE // 2)
                await line.question("Hello?")
                await line.answer(LONG, voice(30.0), finish=False)
                await speaker.wait_onset(0.0, 5.0)
                await client.wait_for("call_stats", lambda s: s["packetsSent"] > 100, since=0)
                (folder,) = folders(root)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                heard_ms = sum(1000 * f.seconds for f in speaker.frames if speaker.is_loud(f))
        (path,) = (p for p in folder.iterdir() if p.stem == "recording" and p.suffix != ".json")
        left, right = decode(path)
        assert 0.4 < loud_seconds(left) < 0.7
        assert heard_ms / 1000 - 1.0 < loud_seconds(right) < heard_ms / 1000 + 0.2
        words = list(read_lines(folder / "transcript.jsonl"))
        assert words[0]["line"]["text"] == "Hello?"
        assert words[-1]["delta"] == LONG
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}

        # The next start makes it whole.
        async with (
            serving(model, root, RECORD_FORMAT=form) as (_, url),
            aiohttp.ClientSession() as http,
        ):
            async with asyncio.timeout(10):
                while (found := await only_recording(http, url))["reason"] is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert found["reason"] == CRASHED
            assert not found["live"]
            async with http.get(f"{url}/api/recordings/{folder.name}/transcript.json") as answer:
                lines = (await answer.json())["lines"]
        assert [(line["role"], line["text"], line.get("final")) for line in lines] == [
            ("user", "Hello?", None),
            ("assistant", LONG, False),
        ]
        assert decode(path).shape[1] >= left.shape[0]


async def test_a_barge_in_is_recorded_as_it_was_heard(tmp_path: Path) -> None:
    settings = {"record_dir": tmp_path, "record_packets": True}
    async with StandIn() as model, running_gateway(model.url, **settings) as gateway:
        assert gateway.recorder is not None
        async with calling(gateway.url) as (client, microphone, speaker):
            line = await model.line()
            answer = await line.answer(LONG, voice(8.0))
            await speaker.wait_onset(0.0, 5.0)
            await client.wait_for("call_stats", lambda s: s["packetsSent"] > 50, since=0)
            await microphone.say(tone(0.3, SAMPLE_RATE), SAMPLE_RATE)
            await line.speech_started()
            cut = await line.wait_for("conversation.item.truncate")
            async with aiohttp.ClientSession() as http:
                url = f"{gateway.url}/api/recordings/{client.session_id}"
                async with http.delete(url) as refused:
                    assert refused.status == 409
    (folder,) = folders(tmp_path)
    left, right = decode(folder / "recording.ogg")
    heard = cut["audio_end_ms"] / 1000
    assert loud_seconds(right) == pytest.approx(heard, abs=0.03)
    transcript = json.loads((folder / "transcript.json").read_text())["lines"]
    (said,) = (entry for entry in transcript if entry["id"] == answer)
    assert said["interrupted"]
    assert said["audioEndMs"] == cut["audio_end_ms"]
    assert (said["end"] - said["start"]) * 1000 // SAMPLE_RATE == cut["audio_end_ms"]
    assert said["start"] == pytest.approx(onset(right), abs=240)
    (interrupted,) = events(folder, "interrupted")
    # A frame that was handed out is heard to its end, by the pacer's grid of 5 ms.
    assert said["end"] - 600 <= interrupted["at"] <= said["end"] + 120
    assert loud_seconds(left) > 0.25
    about = json.loads((folder / "recording.json").read_text())
    assert about["samples"] == left.shape[0]
    assert about["lostSamples"] == about["lostLines"] == 0
    assert replay([str(folder)]) == 0, "core decides as it did"
    tape = list(read_lines(folder / "packets.jsonl"))
    assert any(line[0] == "window1.push" for line in tape)
    assert any(
        name == "send" and event["type"] == cut["type"]
        for _, _, _, outputs, _ in tape
        for name, event in outputs
    )


async def test_twenty_calls_are_recorded_each_in_its_own_folder(tmp_path: Path) -> None:
    async with StandIn() as model, running_gateway(model.url, record_dir=tmp_path) as gateway:
        assert gateway.recorder is not None
        assert gateway.sessions is not None
        clients: list[TalkpathClient] = []
        async with contextlib.AsyncExitStack() as stack:
            for number in range(20):
                client = await stack.enter_async_context(TalkpathClient(gateway.url))
                await client.connect()
                clients.append(client)
                await model.line(number)
            pcm = [voice(1.0, 300 + 20 * number) for number in range(20)]
            for at in range(0, 2 * SAMPLE_RATE, 4800):
                for client, said in zip(clients, pcm, strict=True):
                    await client.send_audio(said[at : at + 4800])
            for number, line in enumerate(model.lines):
                await line.wait_for_audio(SAMPLE_RATE)
                await line.answer(f"Answer {number}.", voice(0.5, 1000))
            for client in clients:
                await client.wait_for("message", lambda m: m["role"] == "assistant", since=0)
            assert gateway.recorder.stats.live == 20
    stats = gateway.recorder.stats
    assert (stats.finished, stats.queued_bytes, stats.dropped_samples) == (20, 0, 0)
    assert len(folders(tmp_path)) == 20
    for client, number in zip(clients, range(20), strict=True):
        left, right = decode(tmp_path / client.session_id / "recording.ogg")
        assert loud_seconds(left) == pytest.approx(1.0, abs=0.05), number
        assert loud_seconds(right) == pytest.approx(0.5, abs=0.05), number
