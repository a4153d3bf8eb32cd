"""The examples for game engines, each run as it stands against a real gateway."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.gateways import running_gateway
from tests.npm import ROOT, installed
from tests.stand_in import StandIn

RATE = 24_000
SPEECH = np.random.default_rng(3).integers(-9_000, 9_000, RATE // 2).astype("<i2").tobytes()
ANSWER = np.random.default_rng(4).integers(-9_000, 9_000, RATE * 8).astype("<i2").tobytes()


def command(language: str) -> list[str]:
    if language == "python":
        return [sys.executable, str(ROOT / "examples/python/game_engine.py")]
    installed("socket.io-client")
    return ["node", str(ROOT / "examples/node/game_engine.mjs")]


@pytest.mark.parametrize("language", ["python", "node"])
async def test_a_character_hears_a_player_answers_and_is_interrupted(
    language: str, tmp_path: Path
) -> None:
    player, character = tmp_path / "player.pcm", tmp_path / "character.pcm"
    player.write_bytes(SPEECH)
    arguments = [*command(language), str(player), str(character)]
    async with StandIn() as model, running_gateway(model.url) as gateway:
        engine = await asyncio.create_subprocess_exec(
            *arguments,
            gateway.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            line = await model.line()
            heard = await line.wait_for_audio(RATE)
            assert heard.startswith(SPEECH)
            assert not any(heard[len(SPEECH) :]), "silence while the player listens"
            await line.question("Who goes there?")
            await line.answer("A long story.", ANSWER, finish=False)
            cut = await line.wait_for("conversation.item.truncate")
            async with asyncio.timeout(20):
                printed, errors = await engine.communicate()
        finally:
            if engine.returncode is None:
                engine.kill()
                await engine.wait()
    assert (engine.returncode, errors.decode()) == (0, "")
    # Where the gateway says that it was cut is where the mixer fell silent.
    assert cut["audio_end_ms"] == pytest.approx(2_000, abs=150)
    voice = character.read_bytes()
    assert ANSWER.startswith(voice)
    assert len(voice) / RATE / 2 * 1000 == pytest.approx(cut["audio_end_ms"], abs=150)
    first, *rest = printed.decode().splitlines()
    assert first == "player: Who goes there?"
    assert f"(interrupted after {cut['audio_end_ms']} ms)" in rest
    assert any(told.startswith("character: ") for told in rest)
