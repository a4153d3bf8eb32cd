"""Calls to the embedded model: recorded human speech in, real speech out, and a model that dies."""

import asyncio
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from client.python import TalkpathClient
from tests.gateways import running_gateway
from tests.logs import JsonLog, json_log
from tests.speech import PROMPTS, prompt, read_wav, silence, word_error_rate

ROOT = Path(__file__).parents[2]
RATE = 24_000
TURNS = ("conf-onlyperson", "vm-msgsaved", "please-try-call-later")


@pytest.mark.timeout(120)
async def test_talkpath_call_holds_a_conversation_and_saves_what_it_heard(tmp_path: Path) -> None:
    spoken, heard = tmp_path / "spoken.wav", tmp_path / "heard.wav"
    pieces = [piece for name in TURNS for piece in (read_wav(prompt(name), RATE), silence(1, RATE))]
    with wave.open(str(spoken), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.concatenate(pieces).astype("<i2").tobytes())
    with json_log() as log:
        async with running_gateway(None) as gateway:
            command = ["-m", "signaling", "call", str(spoken), "--url", gateway.url]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                "--json",
                "--out",
                str(heard),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
    assert process.returncode == 0
    report = json.loads(output)
    _look_through(log, [line["text"] for line in report["transcript"]])
    said = " ".join(line["text"] for line in report["transcript"] if line["role"] == "user")
    assert word_error_rate(" ".join(PROMPTS[name] for name in TURNS), said) <= 0.10, said
    assert [turn["latency_ms"] is not None for turn in report["turns"]] == [True] * len(TURNS)
    assert report["level_dbfs"] > -35
    assert report["packets"]["lost"] == 0
    with wave.open(str(heard)) as file:
        assert file.getnframes() > 3 * RATE


def _look_through(log: JsonLog, said: list[str]) -> None:
    """Each line of a call names its session, and none has what was said."""
    sessions = {record["session"] for record in log.records if "session" in record}
    assert len(sessions) == 1
    ours = [record for record in log.records if record["logger"].startswith("gateway.session")]
    assert len(ours) >= 3
    assert all("session" in record for record in ours)
    written = log.text.lower()
    lines = [line for line in said if len(line.split()) >= 3]
    assert len(lines) >= 2 * len(TURNS) - 1
    for words in (*lines, "ice-pwd", "bearer"):
        assert words.lower() not in written


@pytest.mark.timeout(60)
async def test_a_call_outlives_its_model() -> None:
    async with running_gateway(None) as gateway, TalkpathClient(gateway.url) as client:
        await client.connect()
        await client.wait_for("session_status", _says("CONNECTED"), since=0.0)
        await client.send_text("Hello.")
        await client.wait_for("message", _is_answer, timeout=20.0, since=0.0)

        killed_at = asyncio.get_running_loop().time()
        _model_process().kill()
        told = await client.wait_for("error", since=killed_at)
        assert told.args[0]["code"] == "upstream_unavailable"
        await client.wait_for("session_status", _says("CONNECTING"), since=killed_at)
        await client.wait_for("session_status", _says("CONNECTED"), timeout=20.0, since=killed_at)

        asked_at = asyncio.get_running_loop().time()
        await client.send_text("Are you there?")
        await client.wait_for("message", _is_answer, timeout=20.0, since=asked_at)
        roles = [message["role"] for message in client.messages]
        assert roles == ["user", "assistant"] * 2


def _model_process() -> psutil.Process:
    (model,) = (
        child for child in psutil.Process().children() if "gateway.local_model" in child.cmdline()
    )
    return model


def _says(status: str) -> Callable[[dict[str, object]], bool]:
    return lambda told: told["status"] == status


def _is_answer(message: dict[str, object]) -> bool:
    return message["role"] == "assistant"
