import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from client.python.bench import baseline
from client.python.bench.baseline import FAILED, MEASURED, main, to_json, to_text
from client.python.bench.figures import Figures
from client.python.bench.run import Load
from client.python.bench.subject import Subject
from tests.client.bench.sample import figures


def test_both_are_told_with_their_ratio() -> None:
    stock = figures(cpu_ms_per_call_s=72.0)
    text = to_text([(stock, figures()), (stock, figures(profile="loss=5"))])
    assert text.startswith("rest, 20 calls, 20 s\n")
    assert "\n\nloss=5, 20 calls, 20 s\n" in text
    assert "times less" in text


def test_json_holds_pairs() -> None:
    told = json.loads(to_json(Load(calls=1), [(figures(calls_lost=1), figures())]))
    (pair,) = told["profiles"]
    assert (pair["stock"]["calls_lost"], pair["talkpath"]["calls_lost"]) == (1, 0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is started nor measured; what would have been is told by its last word but one."""
    commands: list[str] = []

    @asynccontextmanager
    async def running(command: Sequence[str], environment: Mapping[str, str]) -> Any:
        commands.append(command[2])
        yield Subject("http://127.0.0.1:1", 1)

    class Run:
        def __init__(self, profile: Any, *others: Any) -> None:
            self._profile = profile

        async def measure(self) -> Figures:
            await asyncio.sleep(0)
            return figures(profile=self._profile.name, calls_lost=len(commands) % 2)

    monkeypatch.setattr(baseline.subject, "running", running)
    monkeypatch.setattr(baseline, "ProfileRun", Run)
    return commands


def test_the_bridge_comes_first_then_the_gateway_for_each_profile(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # The stand-in loses calls of the stock bridge only, which is no failure.
    assert main(["--profile", "rest", "--profile", "loss=5"]) == MEASURED
    assert started == ["client.python.bench.stock_bridge", "signaling"] * 2
    out = capsys.readouterr().out
    assert "rest, 20 calls" in out
    assert "loss=5, 20 calls" in out


def test_what_cannot_be_measured_is_told(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--profile", "one-lost", "--seconds", "1"]) == FAILED
    assert "takes at least" in capsys.readouterr().err
    assert started == []
