import asyncio
import json
import sys
from pathlib import Path

import pytest

from client.python.bench import command, run, subject
from client.python.bench.command import FAILED, MEASURED, main
from client.python.bench.subject import gateway_command, gateway_environment
from client.python.bench.track import Track, speech_track
from client.python.levels import Samples

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_gateway_is_started_measured_and_stopped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_losses = set()

    def noted(speech: Samples, expected_loss: int) -> Track:
        expected_losses.add(expected_loss)
        return speech_track(speech, expected_loss)

    monkeypatch.setattr(run, "speech_track", noted)
    options = ["--calls", "2", "--seconds", "3", "--warm-up", "0.5", "--barge-ins", "0", "--json"]
    assert main([*options, "--profile", "loss=2"]) == MEASURED
    # The gateway asks for in-band FEC, so the callers send it.
    assert expected_losses == {2}
    told = json.loads(capsys.readouterr().out)
    assert told["load"]["calls"] == 2
    (profile,) = told["profiles"]
    assert profile["profile"] == "loss=2"
    assert profile["calls_lost"] == 0
    assert profile["uplink_ms"]["count"] >= 4
    assert profile["delivered"] > 0.9
    assert profile["cpu_ms_per_call_s"] > 0
    assert profile["rss_mib"] > 20


async def test_a_gateway_that_runs_is_measured_by_socketio(
    unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"ws://127.0.0.1:{unused_port}/v1/realtime"
    async with subject.running(gateway_command(), gateway_environment(model)) as gateway:
        options = ["--url", gateway.url, "--door", "socketio", "--model-port", str(unused_port)]
        load = ["--calls", "2", "--seconds", "1.5", "--warm-up", "0.5", "--barge-ins", "0"]
        status = await asyncio.to_thread(main, [*options, *load, "--pid", str(gateway.pid)])
    assert status == MEASURED
    told = {line[:30].strip(): line[30:].split() for line in capsys.readouterr().out.splitlines()}
    assert told["calls lost"] == ["0"]
    assert told["threads"] == ["1"]
    assert float(told["delivered, % of the time line"[:30].strip()][-1]) > 90


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--url", "http://192.0.2.1:8000", "--model-port", "9"], "loopback address"),
        (["--url", "http://127.0.0.1:9"], "needs --model-port"),
        (["--profile", "one-lost", "--seconds", "3"], "takes at least"),
        (["--speech", "/nowhere.wav"], "cannot read"),
    ],
)
def test_what_cannot_be_measured_is_told(
    options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == FAILED
    assert why in capsys.readouterr().err


def test_a_gateway_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], unused_port: int
) -> None:
    options = ["--url", "http://127.0.0.1:9", "--model-port", str(unused_port)]
    assert main([*options, "--calls", "1"]) == FAILED
    assert "no answer from http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--calls", "0"],
        ["--calls", "many"],
        ["--seconds", "-1"],
        ["--seconds", "nan"],
        ["--barge-ins", "-1"],
        ["--profile", "storm"],
        ["--set", "NAME"],
    ],
)
def test_options_that_mean_nothing_are_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(options)


def test_a_recording_may_be_said(tmp_path: Path) -> None:
    data = Path(__file__).parents[2] / "data" / "jfk.wav"
    options = command._parser().parse_args(["--speech", str(data), "--calls", "3"])
    load = command.load_of(options)
    assert load.calls == 3
    assert len(load.speech) > 10 * 24_000
