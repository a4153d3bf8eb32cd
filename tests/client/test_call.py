"""The command, as a process of its own would run it, against a gateway in a thread of this one."""

import json
import os
import socket
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from client.python import call
from client.python.heard import RATE
from client.python.talkspurts import find_talkspurts
from client.python.wav import write_wav
from tests.client.scripted import GatewayThread
from tests.client.tones import joined, silence, tone

RECORDING = joined(silence(0.1, 8000), tone(0.3, 8000), silence(0.2, 8000))


@pytest.fixture
def running() -> Iterator[GatewayThread]:
    thread = GatewayThread()
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "question.wav"
    write_wav(file, [RECORDING], 8000)
    return file


def test_a_call_prints_what_happens_and_saves_what_was_heard(
    running: GatewayThread, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heard.wav"
    code = call.main([str(recording), "--url", running.url, "--out", str(out), "--stereo"])
    printed, errors = capsys.readouterr()
    assert (code, errors) == (call.ANSWERED, "")
    lines = printed.splitlines()
    assert lines[0] == f"connected to {running.url}"
    assert {"caller: question 1", "agent: answer 1"} <= set(lines)
    (turn,) = [line for line in lines if line.startswith("turn 1: end of speech -> first audio")]
    latency = int(turn.split()[-2])
    assert 200 < latency < 600
    assert f"median {latency} ms, min {latency} ms, max {latency} ms" in printed
    assert lines[-1] == f"saved: {out}"
    _assert_both_sides(out, latency)


def test_one_line_for_machines(
    running: GatewayThread, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heard.wav"
    arguments = [str(recording), "--url", running.url, "--out", str(out), "--json", "--no-wait"]
    assert call.main(arguments) == call.ANSWERED
    printed, _ = capsys.readouterr()
    (line,) = printed.splitlines()
    fields = json.loads(line)
    assert fields["answered"] == 1
    assert fields["transcript"][0] == {"role": "user", "text": "question 1"}
    assert fields["heard"] == str(out)
    with wave.open(str(out), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (1, RATE)


def test_no_answer_is_status_1(
    running: GatewayThread, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.gateway.answers = False
    out = tmp_path / "heard.wav"
    arguments = [str(recording), "--url", running.url, "--out", str(out), "--timeout", "0.5"]
    assert call.main(arguments) == call.UNANSWERED
    printed, errors = capsys.readouterr()
    assert "turn 1: no answer was heard" in printed
    assert errors == "talkpath call: the call was placed, but no answer was heard\n"
    assert out.exists()


def test_a_refusal_is_one_line(
    running: GatewayThread, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    running.gateway.failures["join_session"] = ("capacity", "all lines are busy")
    assert call.main([str(recording), "--url", running.url]) == call.UNANSWERED
    assert capsys.readouterr() == ("", "talkpath call: all lines are busy (capacity)\n")


def test_an_unreachable_gateway_is_status_2(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        assert call.main([str(recording), "--url", url]) == call.NOT_PLACED
    printed, errors = capsys.readouterr()
    assert (printed, errors) == ("", f"talkpath call: no gateway answers at {url} (unreachable)\n")


def test_a_file_without_speech_or_none_at_all_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = tmp_path / "quiet.wav"
    write_wav(quiet, [silence(1.0, 8000)], 8000)
    assert call.main([str(quiet)]) == call.NOT_PLACED
    assert call.main([os.devnull]) == call.NOT_PLACED
    _, errors = capsys.readouterr()
    first, second = errors.splitlines()
    assert first == f"talkpath call: nobody speaks in {quiet}"
    assert second.startswith(f"talkpath call: {os.devnull} is not a PCM WAV file")


def test_a_place_to_save_to_is_looked_for_before_the_call(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none" / "heard.wav"
    assert call.main([str(recording), "--out", str(out)]) == call.NOT_PLACED
    assert capsys.readouterr().err == f"talkpath call: cannot write {out}: no such directory\n"


def _assert_both_sides(file: Path, latency: int) -> None:
    """Left the caller's word, right the answer, on one time line."""
    with wave.open(str(file), "rb") as opened:
        assert (opened.getnchannels(), opened.getframerate()) == (2, RATE)
        data = np.frombuffer(opened.readframes(opened.getnframes()), dtype="<i2").reshape(-1, 2)
    (word,) = find_talkspurts(data[:, 0], RATE)
    (answer,) = find_talkspurts(data[:, 1], RATE)
    assert (answer.end - answer.start) / RATE == pytest.approx(0.3, abs=0.05)
    assert (answer.start - word.end) / RATE * 1000 == pytest.approx(latency, abs=50)
